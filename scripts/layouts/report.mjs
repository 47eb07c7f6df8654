// What the built-in analyzers ask of a kernel, held against the types of kernels that nobody need have an image of: node
// scripts/layouts/report.mjs [--requests FILE] [FOLDER…], over a build that is there.
//
// FOLDERs hold BTF, `.btf`, `.btf.gz` or `.btf.zst` (default: SALVOR_BTF, or ../shared/btf). The samples' kernels are always
// held against it, and those in types/: small-6.12 is the one that `npm run kernels -- "built, no BTF"` makes, by pahole of
// its DWARF, and has next to nothing that may be left out. It ends with 0 only if nothing is missing but what allowed/ gives a reason for.
//
// Hearing what is asked takes over a minute. FILE keeps it for the next report over the same build.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fail, root } from '../lib.mjs'
import { kernelsIn } from './kernels.mjs'
import { matrix } from './matrix.mjs'
import { readRequests, sampleKernels } from './requests.mjs'

const CELL = 22
const TYPES = join(import.meta.dirname, 'types')

function print(text = '') {
  process.stdout.write(`${text}\n`)
}

const { values: options, positionals: named } = parseArgs({
  options: { requests: { type: 'string' } },
  allowPositionals: true,
})

function folders() {
  if (named.length > 0) return named
  const shared = process.env.SALVOR_BTF || join(root, '..', 'shared', 'btf')
  if (existsSync(shared)) return [shared]
  print(`${shared} is not there: only the samples' kernels\n`)
  return []
}

async function asked(file) {
  if (file !== undefined && existsSync(file)) {
    const { requests, unheard } = JSON.parse(readFileSync(file, 'utf8'))
    return { requests: new Map(requests.map(([analyzer, own]) => [analyzer, new Set(own)])), unheard }
  }
  const { requests, unheard } = await readRequests()
  const kept = { requests: [...requests].map(([analyzer, own]) => [analyzer, [...own]]), unheard }
  if (file !== undefined) writeFileSync(file, JSON.stringify(kept))
  return { requests, unheard }
}

function* kernels(others) {
  yield* sampleKernels()
  yield* others
}

function printTable(analyzers, rows) {
  const first = Math.max(...rows.map(({ kernel }) => kernel.length)) + 2
  const line = (kernel, cells) => {
    print([kernel.padEnd(first), ...cells.map((cell) => cell.padEnd(CELL))].join('').trimEnd())
  }
  line('', analyzers)
  for (const { kernel, cells } of rows) {
    const of = analyzers.map((analyzer) => cells[analyzer])
    line(kernel, of)
  }
}

/** What is missing for the same reason, in the same kernels and for the same analyzers, is told together. */
function printMissing(missing) {
  const groups = new Map()
  for (const { what, needed, reason, kernels, analyzers } of missing) {
    const why = reason === null ? 'MISSING, without a reason in scripts/layouts/allowed/' : `missing: ${reason}`
    const head = [why, `  in ${[...kernels].join(', ')}`, `  for ${[...analyzers].join(', ')}`].join('\n')
    groups.set(head, [...(groups.get(head) ?? []), `  ${needed ? 'no answer' : 'partial'}: ${what}`])
  }
  for (const [head, lines] of groups) print(`\n${head}\n${lines.join('\n')}`)
}

try {
  // Opened first: a file that is no BTF is told at once.
  const others = [TYPES, ...folders()].flatMap((folder) => [...kernelsIn(folder)])
  const { requests, unheard } = await asked(options.requests)
  const { rows, missing } = matrix(requests, kernels(others))
  printTable([...requests.keys()], rows)
  printMissing(missing)
  for (const place of unheard) print(`\nNOT ASKED: what is asked at ${place}; see scripts/layouts/requests.mjs`)
  const bad = missing.filter(({ reason }) => reason === null).length + unheard.length
  print(`\n${rows.length} kernels: ${bad === 0 ? 'nothing is' : `${bad} things are`} missing without a reason`)
  process.exitCode = bad === 0 ? 0 : 1
} catch (error) {
  fail(error.message)
}
