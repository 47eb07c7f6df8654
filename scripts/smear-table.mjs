// npm run smear -- TWIN_A TWIN_B MIXED…: how right the tables of torn memory are, into docs/torn.md.
//
// The twins are two images of one busy host, each of one moment; a mixed image has some pages of the second in the first,
// and a number in its name says how many in a hundred. Each row of a mixed image is held against the rows of both twins.
// Rows that are in neither are listed on the standard output. The page has one table for each architecture, and what stands
// around it stays.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { declarations, tablesOf } from './all-tables.mjs'
import { fail, root } from './lib.mjs'
import { prepare } from './steps.mjs'
import { compareClaims } from './twins.mjs'

const SECONDS_PER_TABLE = 30
/** Rows that are wrong to show of each table. */
const SHOWN = 5
const PAGE = join(root, 'docs', 'torn.md')
const beginOf = (architecture) => `<!-- made by npm run smear of ${architecture} -->`

const [first, second, ...mixed] = process.argv.slice(2).filter((word) => word !== '--')
if (mixed.length === 0) fail('usage: npm run smear -- TWIN_A TWIN_B MIXED…')
await prepare()

/** The page with another table behind a mark: all lines of it, and what may lie between. */
function withTable(page, mark, lines) {
  const [above, below] = page.split(`${mark}\n`)
  if (below === undefined) fail(`${PAGE} has no line '${mark}' behind which the table belongs`)
  const rest = below.split('\n')
  const after = rest.findIndex((line) => line !== '' && !line.startsWith('|'))
  return [`${above}${mark}`, '', ...lines, '', ...(after === -1 ? [] : rest.slice(after))].join('\n')
}

/** The rows of every table of an image by its name. */
function rowsOf(image) {
  const folder = mkdtempSync(join(tmpdir(), 'salvor-smear-'))
  try {
    const tables = tablesOf(image, join(folder, 'all.json'), SECONDS_PER_TABLE)
    return new Map([...tables].map(([name, { rows }]) => [name, rows]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const percentOf = (image) =>
  Number(/(\d+)\D*$/.exec(basename(image))?.[1] ?? fail(`${image} has no number in its name`))

const declared = declarations()
const twins = [first, second].map(rowsOf)
const shares = [0, ...mixed.map(percentOf)]
const results = new Map()
for (const [at, image] of [first, ...mixed].entries()) {
  const tables = at === 0 ? twins[0] : rowsOf(image)
  // A single row says what the image is, and not what is in it.
  for (const analyzer of declared.filter(({ single }) => single !== true)) {
    const pair = twins.map((twin) => twin.get(analyzer.name))
    if (pair.every((rows) => rows === undefined)) continue
    const result = compareClaims(analyzer, pair, {
      rows: tables.get(analyzer.name),
      findings: tables.get('findings'),
    })
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
const [{ architecture }] = twins[0].get('info')
writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), beginOf(architecture), table))
