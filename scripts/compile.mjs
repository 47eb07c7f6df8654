// Writes beside each file of the bundle the code that V8 has made of it once the tables have run: bin/compiled.cjs loads it.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { Script } from 'node:vm'
import { MessageChannel } from 'node:worker_threads'
import { expose } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import { sampleImage } from '../dist/src/sample.js'
import { root } from './lib.mjs'

const require = createRequire(import.meta.url)
const { scripts } = require('../bin/compiled.cjs')
const bundle = (file) => join(root, 'dist', 'bundle', file)
const sample = sampleImage()
const folder = mkdtempSync(join(tmpdir(), 'salvor-compile-'))

/** The main thread's part. */
async function runCommand() {
  const { runProcess } = require(bundle('cli.cjs'))
  for (const format of ['json', 'table']) {
    const options = ['--format', format, '--no-cache', '--quiet', '--output', join(folder, format)]
    process.argv.splice(2, Infinity, 'processes', sample, ...options)
    await runProcess()
    if (process.exitCode !== 0) throw new Error(`processes ended with ${process.exitCode}`)
  }
}

/** What a worker does, in this thread: nobody could ask a worker for its code. */
async function runTasks() {
  const { default: run } = require(bundle('worker.cjs'))
  const ask = async (task) => {
    const answer = await run(task)
    if (!answer.ok) throw new Error(answer.failure.message)
    return answer.value
  }
  const { id: image } = await ask({ kind: 'open', path: sample, options: { cacheDir: null } })
  for (const plugin of builtins()) await runTable(ask, image, plugin)
  await ask({ kind: 'close', image })
}

/** The built-in analyzers. Of those that need more than an image there is only what loading them has made. */
function builtins() {
  const listed = JSON.parse(readFileSync(bundle('plugins/index.json'), 'utf8'))
  const loaded = listed.map(({ name, file }) => {
    const location = bundle(join('plugins', file))
    return { name, location, analyzer: require(location).default }
  })
  return loaded.filter(({ analyzer: { needs, scans, asks, artifacts } }) => !needs && !scans && !asks && !artifacts)
}

async function runTable(ask, image, { name, location }) {
  const { port1, port2 } = new MessageChannel()
  const host = { rows() {}, progress() {}, log() {}, begin: () => new Promise(() => {}) }
  expose(host, nodeEndpoint(port1))
  const table = {
    evidence: { image },
    analyzer: name,
    plugin: { kind: 'builtin', location },
    rules: [],
    options: {},
    tables: [],
    scans: {},
    artifacts: null,
  }
  await ask({ kind: 'analyze', ...table, port: port2 })
  port1.close()
}

/** V8 takes no code that was kept under other flags than its own: puts back what src/engine/optimizer.ts has set. */
function restoreFlags() {
  const flags = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
  const [budget] = /(?<=default: )--interrupt-budget=\d+/.exec(flags) ?? []
  if (budget === undefined) throw new Error('V8 no longer says what --interrupt-budget is')
  setFlagsFromString(budget)
  setFlagsFromString('--flush-bytecode')
}

/** A process that has none of the flags set here takes what was written. */
function check(files) {
  const refused = files.filter((file) => {
    const options = { filename: file, cachedData: readFileSync(`${file}.code`) }
    return new Script(Module.wrap(readFileSync(file, 'latin1')), options).cachedDataRejected
  })
  if (refused.length > 0) throw new Error(`V8 refuses the code that was kept of ${refused.join(', ')}`)
}

if (process.argv.length > 2) {
  check(process.argv.slice(2))
  process.exit(0)
}

// V8 drops the code of what has not run for a while.
setFlagsFromString('--no-flush-bytecode')
try {
  await runCommand()
  await runTasks()
  restoreFlags()
  for (const [file, script] of scripts) {
    const text = readFileSync(file, 'utf8')
    if (/(?<![.\w])import\(/.test(text)) throw new Error(`${file} imports: see src/require.ts`)
    if (/[^\0-\x7f]/.test(text)) throw new Error(`${file} is not ASCII, as bin/compiled.cjs takes it to be`)
    writeFileSync(`${file}.code`, script.createCachedData())
  }
  execFileSync(process.execPath, [import.meta.filename, ...scripts.keys()])
} finally {
  rmSync(folder, { recursive: true })
}
