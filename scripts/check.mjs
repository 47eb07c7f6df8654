// npm run check: linters, formatters and type checks of both languages.
import { run, tool } from './lib.mjs'
import { prepare } from './steps.mjs'

const cargo = ['--manifest-path', 'native/Cargo.toml']
export const checks = [
  ['biome', tool('biome'), ['check', '--error-on-warnings']],
  ['types', tool('tsc'), ['--noEmit', '--project', 'tsconfig.test.json']],
  ['types of the page of reports', tool('tsc'), ['--project', 'src/report/page/tsconfig.json']],
  ['rustfmt', 'cargo', ['fmt', ...cargo, '--check']],
  ['rustfmt of the addon for YARA', 'cargo', ['fmt', '--manifest-path', 'native-yara/Cargo.toml', '--check']],
  ['clippy', 'cargo', ['clippy', ...cargo, '--all-targets', '--quiet', '--', '-D', 'warnings']],
]

/** Runs every check, also after one has failed; answers the names of those that did. */
export async function check() {
  const failed = []
  for (const [name, command, args] of checks) {
    const { code } = await run(command, args)
    if (code !== 0) failed.push(name)
  }
  return failed
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await prepare()
  const failed = await check()
  if (failed.length > 0) {
    process.stderr.write(`salvor: failed: ${failed.join(', ')}\n`)
    process.exitCode = 1
  }
}
