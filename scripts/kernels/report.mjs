// The matrix as a page: a table of analyzers and kernels, and each cell that is not exact with what it lacks.
import { readFileSync, writeFileSync } from 'node:fs'

const BEGIN = '<!-- made by npm run kernels -->'
/** Lines to give of each cell. */
const TOLD = 3

const escaped = (text) => text.replace(/[|<>]/g, (sign) => `\\${sign}`)
/** One word for a cell; `·` is exact, so that the others are seen. */
const short = (cell) => (cell === undefined ? '' : cell.text === 'exact' ? '·' : escaped(cell.text))

/** The columns and sections of kernels that stand on the page. */
function earlier(text) {
  const lines = text.split('\n')
  const cells = (line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim())
  const rows = lines.filter((line) => line.startsWith('| `')).map(cells)
  const [, ...names] = cells(lines.find((line) => line.startsWith('| table |')) ?? '| table |')
  const sections = new Map(
    text
      .split(/^### /m)
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n')).trim()]),
  )
  return names.map((name, at) => ({
    name,
    cells: new Map(rows.map(([table, ...all]) => [table.replaceAll('`', ''), all[at] ?? ''])),
    section: sections.get(name) ?? '',
  }))
}

/** The same of what was run now. */
function column({ kernel, release, quiet, torn, failed }, day) {
  if (failed !== undefined) return { name: kernel.name, cells: null, section: `Not there: ${escaped(failed)}` }
  const names = Object.keys(quiet)
  const text = (name) => [short(quiet[name]), ...(torn === null ? [] : [short(torn[name])])].join(' / ')
  const told = [
    ['quiet', quiet],
    ['torn', torn ?? {}],
  ].flatMap(([kind, cells]) => Object.entries(cells).flatMap(([name, cell]) => reason(name, kind, cell)))
  const section = [`\`${release}\`, run ${day}`, ...(told.length === 0 ? [] : [told.join('\n')])].join('\n\n')
  return { name: kernel.name, cells: new Map(names.map((name) => [name, text(name)])), section }
}

function reason(name, kind, { text, lines }) {
  if (lines.length === 0) return []
  const told = lines.slice(0, TOLD).map((line) => `\`${line.replaceAll('`', "'").slice(0, 200)}\``)
  return [`- \`${name}\`, ${kind}: ${escaped(text)}: ${told.join('; ')}`]
}

function grid(columns) {
  const booted = columns.filter(({ cells }) => cells !== null)
  const names = [...new Set(booted.flatMap(({ cells }) => [...cells.keys()]))].sort()
  const rows = names.map((name) => `| \`${name}\` | ${booted.map(({ cells }) => cells.get(name) ?? '').join(' | ')} |`)
  return [
    `| table | ${booted.map(({ name }) => name).join(' | ')} |`,
    `|---|${booted.map(() => '---|').join('')}`,
    ...rows,
  ].join('\n')
}

/** Writes the page's tables anew for what was run; what stands above them stays, and so do other kernels, in this order. */
export function writePage(path, results, order) {
  const [above, below = ''] = readFileSync(path, 'utf8').split(BEGIN)
  const day = new Date().toISOString().slice(0, 10)
  const known = new Map(earlier(below).map((one) => [one.name, one]))
  for (const result of results) known.set(result.kernel.name, column(result, day))
  const columns = [...known.values()].sort((left, right) => order.indexOf(left.name) - order.indexOf(right.name))
  const sections = columns.map(({ name, section }) => `### ${name}\n\n${section}\n`)
  writeFileSync(path, `${above}${BEGIN}\n\n${grid(columns)}\n\n## Cells that are not exact\n\n${sections.join('\n')}`)
}
