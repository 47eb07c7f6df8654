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

/** Cells that say where something lies, which another row may have in the other twin. */
const isAddress = ({ type }) => type === 'address'
/** Cells that add up things, of which a mix may have those of either moment. */
const isSum = ({ type }) => type === 'count' || type === 'bytes'
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0)

/** Whether a cell is right: null, the same as in a twin, or made of what is in both. */
function isRight(column, cell, known) {
  if (cell === null || known.some((one) => JSON.stringify(one) === JSON.stringify(cell))) return true
  if (Array.isArray(cell)) {
    const parts = new Set(known.flat().map((part) => JSON.stringify(part)))
    return cell.every((part) => parts.has(JSON.stringify(part)))
  }
  return isSum(column) && cell <= sum(known)
}

/** What rows of a table are known by: its key; without one all that is no address, then no sum either, or where it lies. */
function identities({ key, columns }) {
  const told = (names) => (row) => JSON.stringify(names.map((name) => row[name]))
  if (key !== undefined) return [told(key)]
  const all = Object.keys(columns).filter((name) => !isAddress(columns[name]))
  const views = [all, all.filter((name) => !isSum(columns[name]))]
  const places = Object.keys(columns).filter((name) =>
    ['address', 'pid', 'tid', 'fd', 'start', 'physical'].includes(name),
  )
  return [...views, ...('address' in columns ? [places, ['address']] : [])].map(told)
}

function grouped(rows, identity) {
  const groups = new Map()
  for (const row of rows) {
    const key = identity(row)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  return groups
}

/** Why a row is wrong: nothing like it is in a twin, or the columns in which it differs; null where it is right. */
function wrongIn(declared, row, views) {
  let why = null
  for (const { identity, twins } of views) {
    const known = twins.flatMap((twin) => twin.get(identity(row)) ?? [])
    if (known.length === 0) continue
    const columns = Object.entries(declared.columns)
    const differing = columns.filter(
      ([name, column]) =>
        !isRight(
          column,
          row[name],
          known.map((one) => one[name]),
        ),
    )
    if (differing.length === 0) return null
    why = differing.map(([name]) => name)
  }
  return why ?? ['invented']
}

function compare(declared, [a = [], b = []], rows = []) {
  const views = identities(declared).map((identity) => ({
    identity,
    twins: [grouped(a, identity), grouped(b, identity)],
  }))
  const wrong = []
  for (const row of rows) {
    const why = wrongIn(declared, row, views)
    if (why !== null) wrong.push({ row, why })
  }
  const lost = views.map(({ identity, twins: [was, is] }) => {
    const found = grouped(rows, identity)
    return [...was.keys()].filter((key) => is.has(key) && !found.has(key)).length
  })
  return { right: rows.length - wrong.length, wrong, lost: Math.min(...lost) }
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
    const result = compare(analyzer, pair, tables.get(analyzer.name))
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
