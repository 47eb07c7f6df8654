// Tables of a torn image against those of the two images that it is mixed of.
import { compareTwins } from '../twins.mjs'

/**
 * What a row claims: null where it only says that nothing is known, and with null for what it says of its own doubts, which
 * neither image at one moment has.
 */
function claimed(table, row) {
  if (table === 'rules' && row.state === 'partly') return { ...row, state: null, reason: null }
  if (table === 'kernel-stacks' && row.found === 'none') return null
  if (table === 'process-scan' && row.status === 'doubtful') return { ...row, status: null }
  return row
}

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
    const claims = table.rows.map((row) => claimed(analyzer.name, row)).filter((row) => row !== null)
    const { wrong, lost } = compareTwins(analyzer, pair, claims)
    const loss = lost === 0 ? 'exact' : table.warnings.length > 0 ? `partial -${lost}` : `lost ${lost}`
    const text = wrong.length > 0 ? `wrong ${wrong.length}${lost > 0 ? `, ${loss}` : ''}` : loss
    cells[analyzer.name] = { text, lines: wrong.map(({ row, why }) => `${why.join(', ')}: ${JSON.stringify(row)}`) }
  }
  return cells
}
