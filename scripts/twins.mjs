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

/** Why a row is wrong: nothing like it is in a twin, and none that says more, or the columns in which it differs; null where it is right. */
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
  return declared.key === undefined && isPartOf(row, views[0].all) ? null : (why ?? ['invented'])
}

/** Whether a row says nothing but what one of others says: a cell that could not be read is null. */
function isPartOf(row, others) {
  const told = Object.entries(row).filter(([, cell]) => cell !== null)
  if (told.length === Object.keys(row).length) return false
  return others.some((other) => told.every(([name, cell]) => JSON.stringify(cell) === JSON.stringify(other[name])))
}

/** How many rows of torn memory are right, which are wrong and why, and how many that both twins have are lost. */
function compareTwins(declared, [a = [], b = []], rows = []) {
  const all = [...a, ...b]
  const view = (identity) => ({ identity, all, twins: [grouped(a, identity), grouped(b, identity)] })
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

/** A finding of low confidence is a lead, which neither image at one moment has to have. */
const isLead = ({ confidence }) => confidence === 'low'

/**
 * What a row claims: null where it only says that nothing is known, and with null for what it says of its own doubts, which
 * neither image at one moment has.
 */
function claimed(table, row, leads) {
  if (table === 'rules' && row.state === 'partly') return claimed(table, { ...row, state: null, reason: null }, leads)
  if (table === 'rules' && leads.has(row.rule)) return { ...row, findings: null, confidence: null }
  if (table === 'kernel-stacks' && row.found === 'none') return null
  return row
}

/** Whether a row says itself that it may be of no one moment. */
const isDoubtful = {
  findings: isLead,
  // One that is doubtful, or has ended: nothing that lives bears it out.
  'process-scan': ({ status }) => status !== 'live',
  'exited-processes': ({ found_by: views }) => views.every((view) => view === 'task'),
}

/**
 * A table of torn memory against those of its two twins, as far as its rows claim something; `unknown` counts those that do
 * not, which say themselves that something is lost.
 */
export function compareClaims(declared, pair, { rows = [], findings = [] }) {
  const sure = new Set(findings.filter((row) => !isLead(row)).map(({ rule }) => rule))
  const leads = new Set(findings.filter(({ rule }) => !sure.has(rule)).map(({ rule }) => rule))
  const claims = rows.map((row) => claimed(declared.name, row, leads)).filter((row) => row !== null)
  const { wrong, lost } = compareTwins(declared, pair, claims)
  const untrue = wrong.filter(({ row }) => isDoubtful[declared.name]?.(row) !== true)
  return { right: claims.length - untrue.length, wrong: untrue, lost, unknown: rows.length - claims.length }
}
