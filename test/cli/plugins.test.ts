import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { repository, start } from './run.js'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'salvor-plugin-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const run = (...args: string[]) => start(args, { directory }).ended

const source = `import { defineAnalyzer, text } from 'salvor'
export default defineAnalyzer({
  name: 'packaged', area: 'own', summary: 'From a package', columns: { value: text('A value') },
  *run() { yield { value: 'v' } },
})
`

/** An analyzer called `own` with one more part. */
function withPart(part: string): string {
  return `import { address, file, need, option, text } from 'salvor'
export default { name: 'own', area: 'a', summary: 's', columns: { value: text('v'), at: address('a') }, *run() {}, ${part} }`
}

function writePackage(folder: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'salvor-own', type: 'module', exports: { import: './lib.js' } }),
  )
  writeFileSync(join(folder, 'lib.js'), source)
}

test('a package loads by its name and by its folder', async () => {
  writePackage(join(directory, 'node_modules/salvor-own'))
  writePackage(join(directory, 'folder'))
  for (const plugin of ['salvor-own', './folder', 'folder/lib.js']) {
    expect(await run('packaged', 'x', '-f', 'ndjson', '--plugin', plugin)).toMatchObject({
      code: 0,
      stdout: '{"value":"v"}\n',
    })
  }
})

test.each([
  ['no run function', 'export default { name: "own", area: "a", summary: "s", columns: {} }', 'it has no run function'],
  [
    'a wrong column name',
    'export default { name: "own", area: "a", summary: "s", run() {}, columns: { aB: {} } }',
    'not snake_case',
  ],
  [
    'a wrong scan',
    'export default { name: "own", area: "a", summary: "s", run() {}, scans: { a: { kind: "x" } }, columns: {} }',
    'its scan a is of no known kind: tasks, bytes',
  ],
  [
    'a list of scans',
    'export default { name: "own", area: "a", summary: "s", run() {}, scans: ["tasks"], columns: {} }',
    'its scans must be an object of scans by name',
  ],
  [
    'a scan for what no option holds',
    'export default { name: "own", area: "a", summary: "s", run() {}, scans: { a: { kind: "bytes", patterns: { option: "b" } } }, columns: {} }',
    'its scan a takes the option b, which is none of its own that holds text',
  ],
  [
    'a scan for nothing',
    'export default { name: "own", area: "a", summary: "s", run() {}, scans: { a: { kind: "bytes", patterns: [""] } }, columns: {} }',
    'its scan a needs patterns: texts, or bytes as { hex }',
  ],
  [
    'an option of salvor',
    source.replace('columns:', "options: { limit: { type: 'count', description: 'l' } }, columns:"),
    'own.ts exports "packaged", but its option limit is one of salvor\'s own',
  ],
  [
    'an option of no type',
    withPart("options: { a: { type: 'x', description: 'd' } }"),
    'the option a has no known type',
  ],
  ['an option in capitals', withPart("options: { aB: { type: 'flag', description: 'd' } }"), 'not snake_case'],
  ['a default outside its range', withPart("options: { a: option.count('d', { default: 0, least: 1 }) }"), 'a default'],
  ['a choice of nothing', withPart("options: { a: option.choice('d', []) }"), 'the option a has no choices'],
  ['needs without names', withPart("needs: ['processes']"), "its needs must be named, as in { other: need('other') }"],
  ['a need by hand', withPart("needs: { p: 'processes' }"), 'its need p is not made by need() or optional()'],
  ['a need that is nowhere', withPart("needs: { p: need('gone') }"), 'needs gone, which no plugin provides'],
  ['a need with an option', withPart("needs: { p: need('processes', { a: 1 }) }"), 'an option that it lacks, a'],
  ['a key of no column', withPart("key: ['valeu']"), 'its key names the column valeu, which it does not declare'],
  ['an address as key', withPart("key: ['at']"), 'its key names the address at, which means another thing in every'],
  ['a source by hand', withPart("source: 'file'"), 'its source is not made by file()'],
  ['scans of a file', withPart("source: file({ what: 'f' }), scans: ['tasks']"), 'only memory is scanned'],
  ['a taken name', source.replace('packaged', 'processes'), 'two analyzers are called processes'],
  ["a command's name", source.replace('packaged', 'distill'), 'an analyzer cannot be called distill'],
  ['a syntax error', 'export default {', 'does not load'],
])('a plugin with %s is a usage error', async (_what, code, message) => {
  writeFileSync(join(directory, 'own.ts'), code)
  const ended = await run('own', 'x', '--plugin', './own.ts')
  expect(ended.stderr).toMatch(/^salvor: .*\n$/)
  expect(ended.stderr).toContain(message)
  expect(ended.code).toBe(2)
})

test('two plugins that need each other are a usage error', async () => {
  const needing = (name: string, need: string) =>
    source.replace("name: 'packaged'", `name: '${name}', needs: { table: { analyzer: '${need}', optional: false } }`)
  writeFileSync(join(directory, 'a.ts'), needing('a', 'b'))
  writeFileSync(join(directory, 'b.ts'), needing('b', 'a'))
  const ended = await run('a', 'x', '--plugin', './a.ts', '--plugin', './b.ts')
  expect([ended.code, ended.stderr]).toEqual([2, 'salvor: analyzers need each other in a circle: a → b → a\n'])
})

// The test that it writes beside the analyzer runs in test/package.test.ts, where a user has it.
test('new-plugin writes an analyzer that runs, and overwrites nothing', async () => {
  expect((await run('new-plugin', 'my-facts')).code).toBe(0)
  const plugin = ['--plugin', join(directory, 'my-facts.ts')]
  const salvor = [
    join(repository, 'bin/salvor.cjs'),
    'my-facts',
    sampleImage(),
    ...plugin,
    '-f',
    'ndjson',
    '--no-cache',
  ]
  const real = spawnSync(process.execPath, salvor, { encoding: 'utf8' })
  expect(real.status).toBe(0)
  expect(real.stdout).toMatch(/"pid":1,"comm":"systemd","nice":0}/)
  const again = await run('new-plugin', 'my-facts')
  expect([again.code, again.stderr]).toEqual([2, 'salvor: my-facts.ts is there already: --force replaces it\n'])
  expect((await run('new-plugin', 'processes')).code).toBe(2)
})

test('what a plugin prints goes to standard error, and twelve tables make no noise', async () => {
  writeFileSync(
    join(directory, 'chatty.mjs'),
    source.replace("yield { value: 'v' }", "console.log('chatter'); yield { value: 'v' }"),
  )
  const images = Array.from({ length: 12 }, (_, index) => `x${index}`)
  const { code, stdout, stderr } = await run(
    'run',
    'packaged',
    ...images,
    '-q',
    '-f',
    'ndjson',
    '--plugin',
    './chatty.mjs',
  )
  expect([code, stdout.trimEnd().split('\n').length]).toEqual([0, images.length])
  expect(stdout).not.toContain('chatter')
  expect(stderr).toBe('chatter\n'.repeat(images.length))
})
