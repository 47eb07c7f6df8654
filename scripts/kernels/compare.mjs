// Rows of a table against what the guest recorded.

/** How many differences to keep of each table. */
const KEPT = 200

/** What a cell may be where the record alone does not say it: a test, and how to tell it to people. */
export const cell = (why, test) => ({ why, test })
export const oneOf = (...values) =>
  cell(values.map((value) => JSON.stringify(value)).join(' or '), (got) => values.some((value) => same(got, value)))
export const within = (low, high) =>
  cell(`${low} to ${high}`, (got) => typeof got === 'number' && got >= low && got <= high)
export const setOf = (values) =>
  cell(
    `in any order ${JSON.stringify(values)}`,
    (got) => Array.isArray(got) && same([...got].sort(), [...values].sort()),
  )

function same(got, want) {
  if (want !== null && typeof want === 'object' && typeof want.test === 'function') return want.test(got)
  return JSON.stringify(got) === JSON.stringify(want)
}

const told = (want) => (want !== null && typeof want === 'object' && 'why' in want ? want.why : JSON.stringify(want))

/** Rows by what they are known by; the second and further ones of a key are told apart by their number. */
function keyed(rows, key) {
  const found = new Map()
  for (const row of rows) {
    const base = JSON.stringify(key.map((name) => row[name]))
    let name = base
    for (let more = 2; found.has(name); more++) name = `${base} (${more})`
    found.set(name, row)
  }
  return found
}

/**
 * Compares a table's rows with those wanted of it: `{ key, rows, maybe, ours }`. Each wanted row has the cells that the
 * record tells of. `maybe` says of which wanted rows it is no loss if they are gone, `ours` which rows of the table the
 * record is sure to have. Answers how many cells were held against it, and what is wrong, lost or unread.
 */
export function compare(want, rows) {
  const { key, maybe = () => false, ours = () => true } = want
  const got = keyed(rows, key)
  const wanted = keyed(want.rows, key)
  const wrong = []
  const lost = []
  let cells = 0
  for (const [name, row] of wanted) {
    const found = got.get(name)
    if (found === undefined) {
      if (!maybe(row)) lost.push(`${name} is missing`)
      continue
    }
    for (const [column, value] of Object.entries(row)) {
      cells++
      if (same(found[column], value)) continue
      const line = `${name} ${column}: ${JSON.stringify(found[column])}, and not ${told(value)}`
      if (found[column] === null) lost.push(line)
      else wrong.push(line)
    }
  }
  for (const [name, row] of got) if (!wanted.has(name) && ours(row)) wrong.push(`${name} is in no record`)
  return { rows: wanted.size, cells, wrong: wrong.slice(0, KEPT), lost: lost.slice(0, KEPT) }
}

/** What the matrix says of one table: exact, partial (and what it lacks), or wrong. */
export function verdict({ rows, wrong, lost }, warnings) {
  if (wrong.length > 0) return `wrong ${wrong.length}`
  if (lost.length === 0) return rows === 0 ? 'exact (no rows)' : 'exact'
  // What is not there is said by the table, or it is lost in silence.
  return warnings.length > 0 ? `partial -${lost.length}` : `lost ${lost.length}`
}
