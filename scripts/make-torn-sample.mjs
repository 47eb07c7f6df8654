// Makes an embedded sample of memory that was taken from a busy host: node scripts/make-torn-sample.mjs IMAGE SHOT NAME
//
// SHOT-{before,after}.{tasks,containers} hold what ran just before and just after. Writes test/samples/NAME/memory.lime.gz,
// distilled to the pages that the built-in analyzers read, and shots.json.gz beside it.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { fail, root } from './lib.mjs'

const [, , image, shot, name] = process.argv
if (!name) fail('usage: node scripts/make-torn-sample.mjs IMAGE SHOT NAME')
const sample = join(root, 'test', 'samples', name)

function lines(file, fields) {
  const objects = readFileSync(`${shot}-${file}`, 'utf8').split('\n').filter(Boolean).map(JSON.parse)
  return objects.map((object) => Object.fromEntries(fields.map((field) => [field, object[field]])))
}

const TASK = ['tid', 'pid', 'comm', 'ppid', 'start', 'kthread', 'uids', 'gids', 'nspid', 'ns', 'cgroup']
const moment = (when) => ({
  tasks: lines(`${when}.tasks`, TASK),
  containers: lines(`${when}.containers`, ['ID', 'Names', 'Image', 'State']),
})

const temporary = mkdtempSync(join(tmpdir(), 'salvor-sample-'))
try {
  const small = join(temporary, 'small.lime')
  const args = [join(root, 'bin', 'salvor.cjs'), 'distill', image, '--output', small]
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  // Torn memory is a partial result.
  if (status !== 0 && status !== 5) fail(`distilling ended with ${status}`)
  rmSync(sample, { recursive: true, force: true })
  mkdirSync(sample, { recursive: true })
  writeFileSync(join(sample, 'memory.lime.gz'), gzipSync(readFileSync(small), { level: 9 }))
} finally {
  rmSync(temporary, { recursive: true })
}
const shots = { before: moment('before'), after: moment('after') }
writeFileSync(join(sample, 'shots.json.gz'), gzipSync(JSON.stringify(shots), { level: 9 }))
