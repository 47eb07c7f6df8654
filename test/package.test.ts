/** The package that `npm pack` makes, installed in a folder that knows nothing of this repository. */

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { repository } from './cli/run.js'

const CORE = /^native\/[^/]+\.node$/
const ANALYZER = 'my-facts'
/** What npm says where it reaches no registry and its cache does not have all. */
const OFFLINE = /ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/

vi.setConfig({ testTimeout: 120_000 })

let folder: string
let project: string
let packed: string[]
let offline = false

/** As in a shell of the user's: nothing of the run around it. */
function inProject(command: string, ...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(lifecycle|package)_|VITEST|NODE_|FORCE_COLOR)/.test(name),
  )
  const env = { ...Object.fromEntries(own), NO_COLOR: '1', XDG_CACHE_HOME: join(folder, 'cache') }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: project, encoding: 'utf8', env })
  return { code: status, stdout, stderr }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-package-'))
  project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }')
  // The build that is tested is there already.
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const [tarball] = JSON.parse(execFileSync('npm', pack, { cwd: repository, encoding: 'utf8' }))
  packed = tarball.files.map(({ path }: { path: string }) => path)
  const { version } = JSON.parse(readFileSync(join(repository, 'node_modules/vitest/package.json'), 'utf8'))
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=0']
  const { code, stderr } = inProject('npm', 'install', ...flags, join(folder, tarball.filename), `vitest@${version}`)
  offline = code !== 0 && OFFLINE.test(stderr)
  if (code !== 0 && !offline) throw new Error(`npm install ended with ${code}: ${stderr}`)
}, 180_000)

afterAll(() => rmSync(folder, { recursive: true }))

beforeEach(({ skip }) => skip(offline, 'npm reaches no registry, and its cache lacks a package'))

/** The sample that the package brings along. */
function sample(): string {
  const { stdout } = inProject(
    process.execPath,
    '-e',
    "import('salvor/testing').then((it) => console.log(it.sampleImage()))",
  )
  return stdout.trim()
}

test('it holds the build and one sample, and neither sources nor tests', () => {
  for (const file of [
    'bin/salvor.cjs',
    'dist/bundle/cli.cjs',
    'dist/src/doors/salvor.d.ts',
    'dist/src/doors/testing.d.ts',
    'README.md',
  ]) {
    expect(packed).toContain(file)
  }
  // The addon for YARA rules is there too where somebody has built it.
  expect(packed.filter((file) => CORE.test(file))).toHaveLength(1)
  expect(packed.filter((file) => /^(test|src|plugins|scripts|bench)\/|\.rs$/.test(file))).toEqual([
    'test/samples/docker-debian12/memory.lime.gz',
  ])
})

test('its command reads an image, and its library is there to import', () => {
  expect(sample()).toContain(join('project', 'node_modules', 'salvor'))
  const info = inProject('npx', '--no', 'salvor', 'info', sample(), '--format', 'json')
  expect(info.code).toBe(0)
  expect(JSON.parse(info.stdout).rows[0]).toMatchObject({ release: '6.1.0-56-cloud-amd64', symbols_from: 'kallsyms' })
  const doors = ['salvor', 'salvor/kernel', 'salvor/containers', 'salvor/testing']
  const named = ['defineAnalyzer', 'readTasks', 'parseCgroupPath', 'runAnalyzer']
  const imported = `Promise.all(${JSON.stringify(doors)}.map((door) => import(door))).then((all) =>
    console.log(${JSON.stringify(named)}.map((name, index) => typeof all[index][name]).join()))`
  expect(inProject(process.execPath, '-e', imported).stdout).toBe('function,function,function,function\n')
})

test('what new-plugin writes runs there, passes its test there, and is typed', () => {
  expect(inProject('npx', '--no', 'salvor', 'new-plugin', ANALYZER).code).toBe(0)
  const plugin = ['--plugin', `./${ANALYZER}.ts`, '--format', 'ndjson', '--most', '5']
  const ended = inProject('npx', '--no', 'salvor', ANALYZER, sample(), ...plugin)
  expect([ended.code, ended.stdout]).toEqual([0, expect.stringMatching(/"pid":1,"comm":"systemd","nice":0}/)])
  const tested = inProject('npx', '--no', 'vitest', 'run')
  expect(tested.stdout).toMatch(/Tests +2 passed/)
  expect(tested.code).toBe(0)

  const wrong = 'import analyzer from "./my-facts.js"\nexport const pid: number = analyzer.columns.pid.type\n'
  writeFileSync(join(project, 'wrong.ts'), wrong)
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', '']
  const tsc = join(repository, 'node_modules/.bin/tsc')
  expect(inProject(tsc, ...options, `${ANALYZER}.ts`)).toMatchObject({ code: 0, stdout: '' })
  expect(inProject(tsc, ...options, 'wrong.ts').stdout).toMatch(/^wrong.ts\(2,14\): error TS2322/)
})

test('without an addon for this machine it says so', () => {
  const image = sample()
  const addon = join(project, 'node_modules/salvor', packed.find((file) => CORE.test(file)) ?? '')
  renameSync(addon, `${addon}.away`)
  try {
    const ended = inProject('npx', '--no', 'salvor', 'info', image)
    expect(ended.stderr).toMatch(/^salvor: no native core beside .* loads on this \w+ \w+ machine: .*\n$/)
    expect(ended.code).toBe(1)
  } finally {
    renameSync(`${addon}.away`, addon)
  }
})
