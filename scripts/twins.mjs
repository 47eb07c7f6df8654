// Rows of torn memory against those of two images of one moment each, of whose pages it is made.

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

const told = (names) => (row) => JSON.stringify(names.map((name) => row[name]))

/** What rows of a table are known by: its key; without one all that is no address, then no sum either, or where it lies. */
function identities({ key, columns }) {
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

/** How many rows of torn memory are right, which are wrong and why, and how many that both twins have are lost. */
export function compareTwins(declared, [a = [], b = []], rows = []) {
  const view = (identity) => ({ identity, twins: [grouped(a, identity), grouped(b, identity)] })
  const views = identities(declared).map(view)
  const places = 'address' in declared.columns && declared.key !== undefined ? [view(told(['address']))] : []
  // A row of which a part of the key could not be read is known by where its object lies.
  const isUnread = (row) => declared.key?.some((name) => row[name] === null)
  const wrong = []
  for (const row of rows) {
    const why = wrongIn(declared, row, isUnread(row) ? [...views, ...places] : views)
    if (why !== null) wrong.push({ row, why })
  }
  const lost = views.map(({ identity, twins: [was, is] }) => {
    const found = grouped(rows, identity)
    return [...was.keys()].filter((key) => is.has(key) && !found.has(key)).length
  })
  return { right: rows.length - wrong.length, wrong, lost: Math.min(...lost) }
}

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

/** The rows of a table of torn memory as far as they claim something. */
export function claims(table, rows = []) {
  return rows.map((row) => claimed(table, row)).filter((row) => row !== null)
}
