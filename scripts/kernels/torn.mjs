// Tables of a torn image against those of the two images that it is mixed of.
import { compareClaims } from '../twins.mjs'

/** A cell for each table: nothing wrong and nothing lost is exact; what is lost or unread is partial where it is said. */
export function tornCells(declared, first, second, torn) {
  const cells = {}
  for (const analyzer of declared.filter(({ single }) => single !== true)) {
    const pair = [first, second].map((twin) => twin.get(analyzer.name)?.rows)
    const table = torn.get(analyzer.name)
    if (pair.some((rows) => rows === undefined)) continue
    if (table === undefined) {
      cells[analyzer.name] = { text: 'missing', lines: ['no such table came'] }
      continue
    }
    const { wrong, lost, unknown } = compareClaims(analyzer, pair, {
      rows: table.rows,
      findings: torn.get('findings')?.rows,
    })
    const loss = lost === 0 ? 'exact' : table.warnings.length + unknown > 0 ? `partial -${lost}` : `lost ${lost}`
    const text = wrong.length > 0 ? `wrong ${wrong.length}${lost > 0 ? `, ${loss}` : ''}` : loss
    cells[analyzer.name] = { text, lines: wrong.map(({ row, why }) => `${why.join(', ')}: ${JSON.stringify(row)}`) }
  }
  return cells
}
