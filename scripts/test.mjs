// npm test: checks, Rust tests, TypeScript tests. Ends with one line over all of them.
// npm test -- --shared: only the tests on the shared images, after a run that had none of them.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { check, checks as everyCheck } from './check.mjs'
import { findCheckpointctl } from './checkpointctl.mjs'
import { fail, run, tool } from './lib.mjs'
import { findRedis } from './servers/redis.mjs'
import { findS3 } from './servers/s3.mjs'
import { prepare } from './steps.mjs'

const onlyShared = process.argv.includes('--shared')
const images = resolve(process.env.SALVOR_IMAGES || join(homedir(), '.cache', 'salvor-images'))
const unpacked = existsSync(images)
  ? readdirSync(images).filter((name) => existsSync(join(images, name, '.complete')))
  : []

/** Cargo prints one such line per test binary, and one with the reason for each test that it ignored. */
function cargoCounts(text) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const [, passed, failed, ignored] of text.matchAll(
    /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    counts.passed += Number(passed)
    counts.failed += Number(failed)
    counts.skipped += Number(ignored)
  }
  return counts
}

/** A test binary that does not compile or that dies is a failure that nothing counts, and so is a run of no test at all. */
function orFailed(counts, code) {
  const uncounted = counts.failed === 0 && (code !== 0 || counts.passed === 0)
  return uncounted ? { ...counts, failed: 1 } : counts
}

async function cargoTests() {
  const args = ['test', '--manifest-path', 'native/Cargo.toml', '--no-default-features', '--no-fail-fast']
  // What is ignored is on the shared images.
  if (onlyShared) args.push('--tests', '--', '--ignored')
  else if (unpacked.length > 0) args.push('--', '--include-ignored')
  const { code, text } = await run('cargo', args, { capture: true, env: { SALVOR_IMAGES: images } })
  const counts = cargoCounts(text)
  return orFailed(counts, code)
}

async function vitestTests() {
  // Once, before several tests look for them; where one cannot be had, they say why.
  await findRedis()
  await findS3({ build: true })
  await findCheckpointctl({ build: true })
  const directory = mkdtempSync(join(tmpdir(), 'salvor-test-'))
  const report = join(directory, 'counts.json')
  try {
    const args = ['run', '--reporter=default', '--reporter=./scripts/vitest-counts.mjs']
    if (onlyShared) args.push('--testNamePattern', 'the shared image')
    const { code } = await run(tool('vitest'), args, { env: { SALVOR_IMAGES: images, SALVOR_COUNTS: report } })
    const { passed, failed, skipped } = existsSync(report)
      ? JSON.parse(readFileSync(report, 'utf8'))
      : { passed: 0, failed: 0, skipped: [] }
    // Vitest calls it skipped, too, when a test's name was not asked for.
    const told = onlyShared ? skipped.filter(({ why }) => why) : skipped
    tellSkipped(told)
    return orFailed({ passed, failed, skipped: told.length }, code)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** One line for all tests of a file that were skipped for the same reason. */
function tellSkipped(skipped) {
  const groups = new Map()
  for (const { file, test, why = 'no reason given' } of skipped) {
    const reason = `${file}: ${why}`
    groups.set(reason, [...(groups.get(reason) ?? []), test])
  }
  for (const [reason, tests] of groups) {
    process.stdout.write(`skipped: ${tests.length === 1 ? tests[0] : `${tests.length} tests`} in ${reason}\n`)
  }
}

async function checks() {
  const failed = await check()
  if (failed.length > 0) process.stdout.write(`Checks that failed: ${failed.join(', ')}\n`)
  return { passed: everyCheck.length - failed.length, failed: failed.length, skipped: 0 }
}

if (onlyShared && unpacked.length === 0) fail(`no shared image is in ${images} (see SALVOR_IMAGES)`)
await prepare()
const runs = [...(onlyShared ? [] : [await checks()]), await cargoTests(), await vitestTests()]
const total = (key) => runs.reduce((sum, counts) => sum + counts[key], 0)
const skipped = total('skipped') > 0 ? `, ${total('skipped')} skipped` : ''
process.exitCode = total('failed') > 0 ? 1 : 0
process.stdout.write(`${total('passed')} passed, ${total('failed')} failed${skipped}\n`)
