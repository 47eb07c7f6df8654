// The matrix as a page: a table of analyzers and kernels, and each cell that is not exact with what it lacks.
import { readFileSync, writeFileSync } from 'node:fs'

const BEGIN = '<!-- made by npm run kernels -->'
/** Lines to give of each cell. */
const TOLD = 3

const escaped = (text) => text.replace(/[|<>]/g, (sign) => `\\${sign}`)
/** One word for a cell; `·` is exact, so that the others are seen. */
const short = (cell) => (cell === undefined ? '' : cell.text === 'exact' ? '·' : escaped(cell.text))

function grid(results) {
  const booted = results.filter(({ failed }) => failed === undefined)
  const names = [...new Set(booted.flatMap(({ quiet }) => Object.keys(quiet)))].sort()
  const head = ['table', ...booted.map(({ kernel }) => kernel.name)]
  const rows = names.map((name) => {
    const cells = booted.map(({ quiet, torn }) =>
      [short(quiet[name]), ...(torn === null ? [] : [short(torn[name])])].join(' / '),
    )
    return `| \`${name}\` | ${cells.join(' | ')} |`
  })
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---|').join('')}`, ...rows].join('\n')
}

function reasons(results) {
  const parts = []
  for (const { kernel, release, quiet, torn, failed } of results) {
    parts.push(`### ${kernel.name}\n`, failed === undefined ? `\`${release}\`\n` : `Not there: ${escaped(failed)}\n`)
    for (const [kind, cells] of [
      ['quiet', quiet ?? {}],
      ['torn', torn ?? {}],
    ]) {
      for (const [name, { text, lines }] of Object.entries(cells)) {
        if (lines.length === 0) continue
        const told = lines.slice(0, TOLD).map((line) => `\`${line.replaceAll('`', "'").slice(0, 200)}\``)
        parts.push(`- \`${name}\`, ${kind}: ${escaped(text)}: ${told.join('; ')}`)
      }
    }
    parts.push('')
  }
  return parts.join('\n')
}

/** Writes the page's tables; what stands above them stays. */
export function writePage(path, results) {
  const [above] = readFileSync(path, 'utf8').split(BEGIN)
  writeFileSync(path, `${above}${BEGIN}\n\n${grid(results)}\n\n## Cells that are not exact\n\n${reasons(results)}`)
}
