// npm run fuzz [-- TARGET…] [-- SECONDS]: runs fuzz targets of the native core, all of them for a minute each unless told
// otherwise. The flags are those that cargo-fuzz gives, less what only a nightly compiler has.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fail, needTools, root, run } from './lib.mjs'

const folder = join(root, 'native', 'fuzz')
const targets = readdirSync(join(folder, 'targets')).map((file) => basename(file, '.rs'))
const asked = process.argv.slice(2).filter((word) => word !== '--')
const chosen = asked.filter((word) => !/^\d+$/.test(word))
const seconds = Number(asked.find((word) => /^\d+$/.test(word)) ?? 60)
const unknown = chosen.find((name) => !targets.includes(name))
if (unknown !== undefined) fail(`no fuzz target ${unknown}: there are ${targets.join(', ')}`)
needTools()

const coverage = ['level=4', 'inline-8bit-counters', 'pc-table', 'trace-compares']
const flags = ['-Cpasses=sancov-module', ...coverage.map((what) => `-Cllvm-args=-sanitizer-coverage-${what}`)]
const host = /^host: (.*)$/m.exec(spawnSync('rustc', ['-vV'], { encoding: 'utf8' }).stdout)?.[1]
if (host === undefined) fail('rustc does not say what machine it builds for')

// With a target named, what runs while building is not instrumented.
const build = ['build', '--release', '--manifest-path', join(folder, 'Cargo.toml'), '--target', host]
const built = await run('cargo', [...build, ...chosen.flatMap((name) => ['--bin', name])], {
  env: { RUSTFLAGS: flags.join(' ') },
})
if (built.code !== 0) fail('the fuzz targets cannot be built: libFuzzer needs a C++ compiler (on Debian, g++)')

const failed = []
for (const name of chosen.length > 0 ? chosen : targets) {
  const corpus = join(folder, 'corpus', name)
  const artifacts = join(folder, 'artifacts', name)
  for (const path of [corpus, artifacts]) mkdirSync(path, { recursive: true })
  const limits = [`-max_total_time=${seconds}`, '-timeout=10', '-rss_limit_mb=512', '-max_len=65536']
  const args = [
    ...limits,
    '-print_final_stats=1',
    `-artifact_prefix=${artifacts}/`,
    corpus,
    join(folder, 'seeds', name),
  ]
  process.stdout.write(`\n== ${name}\n`)
  const { code } = await run(join(folder, 'target', host, 'release', name), args)
  if (code !== 0) failed.push(name)
}
if (failed.length > 0) fail(`found by ${failed.join(', ')}: see native/fuzz/artifacts/`)
