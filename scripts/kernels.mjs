// npm run kernels: every table of guests with many kernels against what the guests recorded, into docs/kernels.md.
//
//   -- NAME…          only kernels whose names have one of these words; the others stay on the page as they are
//   -- --keep         leaves images and records in the folder
//   -- --folder PATH  where packages, what is built and images go (default ~/.cache/salvor-kernels); 1 GiB, and more with --keep,
//                     for kernels that are built 5 GiB while it lasts
//   -- --quiet-only   no dumps of the busy guest
//   -- --again        tables anew of images that --keep left: nothing is booted
//
// Needs root, QEMU, busybox's package, compilers for both processors, cpio, xz and a mirror of Debian, to build a kernel its
// tools; says what is missing.
import { mkdirSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { declarations } from './all-tables.mjs'
import { KERNELS } from './kernels/kernels.mjs'
import { acquire, evaluate } from './kernels/matrix.mjs'
import { missingTools, Packages } from './kernels/packages.mjs'
import { writePage } from './kernels/report.mjs'
import { fail, root } from './lib.mjs'
import { prepare } from './steps.mjs'

const { values, positionals } = parseArgs({
  options: {
    keep: { type: 'boolean' },
    folder: { type: 'string' },
    'quiet-only': { type: 'boolean' },
    again: { type: 'boolean' },
  },
  allowPositionals: true,
})
const chosen = KERNELS.filter(({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)))
if (chosen.length === 0) fail(`no kernel is called so; there are ${KERNELS.map(({ name }) => name).join('; ')}`)
const missing = values.again ? [] : missingTools(chosen)
if (missing.length > 0) fail(`missing: ${missing.join(', ')}`)
await prepare()

const folder = values.folder ?? join(homedir(), '.cache', 'salvor-kernels')
mkdirSync(folder, { recursive: true })
const packages = values.again ? null : new Packages(folder)

const declared = declarations()
const results = []
for (const kernel of chosen) {
  const own = join(folder, kernel.name.replace(/[^\w.]+/g, '-'))
  mkdirSync(own, { recursive: true })
  try {
    if (!values.again) await acquire(kernel, packages, own, join(folder, 'builds'), { busy: !values['quiet-only'] })
    results.push(evaluate(kernel, own, declared))
  } catch (error) {
    process.stdout.write(`${kernel.name}: ${error.message}\n`)
    results.push({ kernel, failed: error.message.replaceAll(`${own}/`, '') })
  } finally {
    if (!values.keep && !values.again) rmSync(own, { recursive: true, force: true })
  }
  // After each, so that a run that is broken off is not for nothing.
  writePage(
    join(root, 'docs', 'kernels.md'),
    results,
    KERNELS.map(({ name }) => name),
  )
}
