// npm run demo: the main job on the sample inside the repository.
import { relative } from 'node:path'
import { root, run } from './lib.mjs'
import { prepare } from './steps.mjs'

await prepare()
// Only the build has it.
const { sampleImage } = await import('../dist/src/sample.js')
const sample = relative(root, sampleImage())
for (const [analyzer, ...options] of [
  ['info', '--columns', 'format,release,page_levels,hostname,boot_time,cpus,symbols,symbols_from,types_from'],
  ['containers', '--columns', 'name,image,state,init_pid,processes,privileged,hostname,started'],
  ['processes', '--columns', 'pid,ppid,comm,uid,state,started,exe,container'],
]) {
  process.stdout.write(`\n$ npx salvor ${[analyzer, sample, ...options].join(' ')}\n`)
  const { code } = await run(process.execPath, ['bin/salvor.cjs', analyzer, sample, ...options])
  if (code !== 0) process.exitCode = code
}
