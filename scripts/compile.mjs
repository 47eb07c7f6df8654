// Writes beside each file of the bundle the code that V8 has made of it once `processes` has run: bin/compiled.cjs loads it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  const { port1, port2 } = new MessageChannel()
  const host = { rows() {}, progress() {}, log() {}, begin: () => new Promise(() => {}) }
  expose(host, nodeEndpoint(port1))
  const { id: image } = await ask({ kind: 'open', path: sample, options: { cacheDir: null } })
  const plugin = { kind: 'builtin', location: bundle('plugins/processes/processes.cjs') }
  const table = {
    evidence: { image },
    analyzer: 'processes',
    plugin,
    rules: [],
    options: {},
    tables: [],
    scans: {},
    artifacts: null,
  }
  await ask({ kind: 'analyze', ...table, port: port2 })
  await ask({ kind: 'close', image })
  port1.close()
}

try {
  await runCommand()
  await runTasks()
  for (const [file, script] of scripts) {
    if (/(?<![.\w])import\(/.test(readFileSync(file, 'utf8'))) throw new Error(`${file} imports: see src/require.ts`)
    writeFileSync(`${file}.code`, script.createCachedData())
  }
} finally {
  rmSync(folder, { recursive: true })
}
