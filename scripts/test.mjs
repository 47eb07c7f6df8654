// npm test: checks, Rust tests, TypeScript tests. Ends with one line over all of them.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { check } from './check.mjs'
import { run, tool } from './lib.mjs'
import { prepare } from './steps.mjs'

/** Cargo prints one such line per test binary. */
function cargoCounts(text) {
  const counts = { passed: 0, failed: 0 }
  for (const [, passed, failed] of text.matchAll(/^test result: .*?(\d+) passed; (\d+) failed/gm)) {
    counts.passed += Number(passed)
    counts.failed += Number(failed)
  }
  return counts
}

async function cargoTests(images) {
  const args = ['test', '--manifest-path', 'native/Cargo.toml', '--no-default-features', '--no-fail-fast']
  const { code, text } = await run('cargo', args, { capture: true, env: { SALVOR_IMAGES: images } })
  const counts = cargoCounts(text)
  // A test binary that did not compile, or that died, is a failure that no line counts.
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

async function vitestTests(images) {
  const directory = mkdtempSync(join(tmpdir(), 'salvor-test-'))
  const report = join(directory, 'vitest.json')
  try {
    const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const { code } = await run(tool('vitest'), args, { env: { SALVOR_IMAGES: images } })
    const result = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {}
    const counts = { passed: result.numPassedTests ?? 0, failed: result.numFailedTests ?? 0 }
    // A test file that does not load has no tests that could fail.
    if (code !== 0 && counts.failed === 0) counts.failed = Math.max(1, result.numFailedTestSuites ?? 1)
    return counts
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

await prepare()
const images = process.env.SALVOR_IMAGES || join(homedir(), '.cache', 'salvor-images')
const failedChecks = await check()
const runs = [
  await cargoTests(images),
  await vitestTests(images),
  { passed: 4 - failedChecks.length, failed: failedChecks.length },
]
if (!existsSync(images)) {
  process.stdout.write(`Tests on the shared images were skipped: ${images} is not there (see SALVOR_IMAGES)\n`)
}
if (failedChecks.length > 0) process.stdout.write(`Checks that failed: ${failedChecks.join(', ')}\n`)
const total = (key) => runs.reduce((sum, counts) => sum + counts[key], 0)
process.exitCode = total('failed') > 0 ? 1 : 0
process.stdout.write(`${total('passed')} passed, ${total('failed')} failed\n`)
