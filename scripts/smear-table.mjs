// npm run smear -- TWIN_A TWIN_B MIXED…: how right the tables of torn memory are, into docs/torn.md.
//
// The twins are two images of one busy host, each of one moment; a mixed image has some pages of the second in the first,
// and a number in its name says how many in a hundred. Each row of a mixed image is held against the rows of both twins.
// Rows that are in neither are listed on the standard output. What stands above the table in docs/torn.md stays.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fail, root } from './lib.mjs'
import { prepare } from './steps.mjs'
import { compareTwins } from './twins.mjs'

const SECONDS_PER_TABLE = 30
const PARTIAL = 5
/** Rows that are wrong to show of each table. */
const SHOWN = 5
const PAGE = join(root, 'docs', 'torn.md')
const BEGIN = '<!-- made by npm run smear -->'
const SALVOR = join(root, 'bin', 'salvor.cjs')

const [first, second, ...mixed] = process.argv.slice(2).filter((word) => word !== '--')
if (mixed.length === 0) fail('usage: npm run smear -- TWIN_A TWIN_B MIXED…')
await prepare()

function salvor(args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SALVOR, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  })
  if (status !== 0 && status !== PARTIAL)
    fail(`salvor ${args.join(' ')} ended with ${status}: ${stderr.slice(0, 2000)}`)
  return stdout
}

/** Every table of an image by its name. */
function tablesOf(image) {
  const folder = mkdtempSync(join(tmpdir(), 'salvor-smear-'))
  try {
    const file = join(folder, 'all.json')
    salvor(['run', 'all', image, '--quiet', '--timeout', String(SECONDS_PER_TABLE), '--output', file])
    const tables = JSON.parse(readFileSync(file, 'utf8'))
    return new Map(tables.map(({ table, rows }) => [table, rows]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const percentOf = (image) =>
  Number(/(\d+)\D*$/.exec(basename(image))?.[1] ?? fail(`${image} has no number in its name`))

const declared = JSON.parse(salvor(['analyzers', '--format', 'json']))
const twins = [first, second].map(tablesOf)
const shares = [0, ...mixed.map(percentOf)]
const results = new Map()
for (const [at, image] of [first, ...mixed].entries()) {
  const tables = at === 0 ? twins[0] : tablesOf(image)
  // A single row says what the image is, and not what is in it.
  for (const analyzer of declared.filter(({ single }) => single !== true)) {
    const pair = twins.map((twin) => twin.get(analyzer.name))
    if (pair.every((rows) => rows === undefined)) continue
    const result = compareTwins(analyzer, pair, tables.get(analyzer.name))
    results.set(analyzer.name, [...(results.get(analyzer.name) ?? []), result])
    for (const { row, why } of result.wrong.slice(0, SHOWN)) {
      process.stdout.write(`${analyzer.name} at ${shares[at]} %: ${why.join(', ')}: ${JSON.stringify(row)}\n`)
    }
  }
}

const cells = ({ right, wrong, lost }) => `${right} / ${wrong.length} / ${lost}`
const lines = [...results]
  .sort(([left], [right]) => (left < right ? -1 : 1))
  .map(
    ([name, each]) =>
      `| ${[`\`${name}\``, ...each.map((result, at) => (at === 0 ? result.right : cells(result)))].join(' | ')} |`,
  )
const head = ['table', 'rows at 0 %', ...shares.slice(1).map((share) => `${share} %`)]
const table = [`| ${head.join(' | ')} |`, `|${head.map((_, at) => (at === 0 ? '---|' : '---:|')).join('')}`, ...lines]
const [above = ''] = readFileSync(PAGE, 'utf8').split(BEGIN)
writeFileSync(PAGE, `${above}${BEGIN}\n\n${table.join('\n')}\n`)
