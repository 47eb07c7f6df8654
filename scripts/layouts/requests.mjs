// What each built-in analyzer asks of a kernel: it runs on the embedded samples while somebody listens. Alternatives,
// optional columns and rules are inside of what is asked, so that few kernels show them for all. What is asked only of
// images of another kind is asked because answers are changed into theirs.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Table } from '../../dist/src/api/table.js'
import { byDefault } from '../../dist/src/engine/plan.js'
import { scanHits } from '../../dist/src/engine/scans.js'
import { backend } from '../../dist/src/kernel/backend.js'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { native } from '../../dist/src/kernel/native.js'
import { forgetShared } from '../../dist/src/kernel/shared.js'
import { sampleImage } from '../../dist/src/sample.js'
import { filesBelow, root } from '../lib.mjs'

/**
 * Each kernel of the samples, opened. Several samples may be of one. One with symbols of functions alone has nothing that
 * queries begin at; types of its like are in types/.
 */
export function* sampleKernels() {
  const seen = new Set()
  for (const sample of readdirSync(join(root, 'test', 'samples')).sort()) {
    const { id, info } = backend.open(sampleImage(sample), { cacheDir: null })
    if (!seen.has(info.banner) && info.symbols_from === 'kallsyms') yield { kernel: info.release, types: id }
    seen.add(info.banner)
    backend.close(id)
  }
}

/** Where the kernel layer and the analyzers ask something: `dist/src/kernel/files.js:70:14`. */
function placesThatAsk() {
  const places = new Set()
  for (const file of filesBelow(['dist/src/kernel', 'dist/src/containers', 'dist/src/tables', 'dist/plugins'])) {
    if (!file.endsWith('.js')) continue
    for (const [row, line] of readFileSync(join(root, file), 'utf8').split('\n').entries()) {
      for (const { index } of line.matchAll(/(?<=\.)select\(/g)) places.add(`${file}:${row + 1}:${index + 1}`)
    }
  }
  return places
}

/** The same places, of a stack of calls. */
function placesOf(stack) {
  const frames = stack.matchAll(/(file:\/\/[^\s)]+:\d+:\d+)/g)
  return [...frames].map(([, place]) => place.slice(ROOT.length))
}

const ROOT = pathToFileURL(root).href

function emptied(batch) {
  const nothing = { length: 0, addresses: new BigUint64Array(), parents: new Uint32Array() }
  return { ...batch, ...nothing, children: batch.children.map(emptied) }
}

/** The path by which the reader of the hosts' files asks of what kind one is. */
const KIND_OF_FILE = 'd_inode->i_mode'

/** What images of other kinds would answer. */
const ANSWERS = {
  asIs: (batch) => batch,
  /** Every walk has lost its way. */
  torn: (batch) => ({
    ...batch,
    warnings: [...batch.warnings, { code: 'torn', message: '', count: 1 }],
    children: batch.children.map((child) => ANSWERS.torn(child)),
  }),
  /** Nothing is below anything. */
  bare: (batch) => ({ ...batch, children: batch.children.map(emptied) }),
  /** Every file is a symlink. */
  links: (batch, text) => {
    const mode = JSON.parse(text).select.findIndex(({ path }) => path === KIND_OF_FILE)
    const links = { kind: 'u64', unsigned: new BigUint64Array(batch.length).fill(0o120000n), nulls: new Uint8Array() }
    return { ...batch, columns: batch.columns.map((column, index) => (index === mode ? links : column)) }
  },
}

/** Puts a listener before the addon's functions; answers what takes it away. */
function listen(hear, changed) {
  const own = { ...native }
  native.query = (id, text, addresses) => {
    hear(`{"query":${text}}`)
    return changed(own.query(id, text, addresses), text)
  }
  native.scan = (id, requests, ...where) => {
    for (const { kind, rules } of requests.map((request) => JSON.parse(request))) {
      if (kind === 'tasks') hear(`{"task_scan":${JSON.stringify(rules)}}`)
    }
    return own.scan(id, requests, ...where)
  }
  for (const name of ['findBytes', 'findWords', 'userPart']) {
    native[name] = (...given) => {
      hear('"user_memory"')
      return own[name](...given)
    }
  }
  for (const name of ['pageFacts', 'pageSummary']) {
    native[name] = (...given) => {
      hear('"pages"')
      return own[name](...given)
    }
  }
  return () => Object.assign(native, own)
}

/**
 * Lets analyzers share what they read of an image alike, as they do in a run: who takes a reading that another has made asks
 * what was asked for it. `readings` has that, by reading; answers what ends it.
 */
function share(hear, readings) {
  const { once } = Kernel.prototype
  const making = []
  const note = (request) => {
    for (const requests of making) requests.add(request)
    hear(request)
  }
  Kernel.prototype.once = function (make) {
    const known = readings.get(make)
    if (known !== undefined) {
      known.forEach(note)
      return once.call(this, make)
    }
    const requests = new Set()
    making.push(requests)
    try {
      const value = once.call(this, make)
      readings.set(make, requests)
      return value
    } finally {
      making.pop()
    }
  }
  return { note, end: () => Object.assign(Kernel.prototype, { once }) }
}

/** The tables that an analyzer needs, without rows: what it asks of a row's objects is not heard. */
function emptyTables({ needs = {} }, all) {
  return Object.fromEntries(
    Object.entries(needs).map(([as, need]) => {
      const { name, columns } = all.find(({ name, aliases }) => [name, ...(aliases ?? [])].includes(need.analyzer))
      const table = new Table(name, 0, Object.fromEntries(Object.keys(columns).map((column) => [column, []])))
      return [as, need.optional ? { table, why: null } : table]
    }),
  )
}

function noHits(scan, id) {
  const request = scan.kind === 'bytes' ? { kind: 'bytes', patterns: [] } : scan
  return scanHits(request, backend.scan(id, [request], new BigUint64Array([0n, 0n]), 1).flat()).hits
}

/** Takes files as the folder of --output-dir does, and keeps none. */
const nowhere = {
  create: () => ({ write: () => {}, writeAt: () => {}, close: () => null, abort: () => {} }),
}

/** Runs an analyzer for what it asks; what it yields is of no interest. */
async function run(analyzer, id, all) {
  const warn = () => {}
  try {
    // What a scan asks does not depend on how much is scanned.
    const scans = Object.entries(analyzer.scans ?? {}).map(([name, scan]) => [name, noHits(scan, id)])
    const context = {
      kernel: backend.attach(id, warn),
      options: byDefault(analyzer).options,
      tables: emptyTables(analyzer, all),
      scans: Object.fromEntries(scans),
      artifacts: nowhere,
      log: warn,
      warn,
      progress: warn,
      signal: new AbortController().signal,
      rules: [],
    }
    for await (const _ of analyzer.run(context)) {
      // Only so that it goes on.
    }
  } catch (error) {
    // What a sample's own kernel lacks was heard, and is told with what other kernels lack. One of few tables lacks pages of
    // the others; what is asked nowhere because of that is told, too.
    if (error.code !== 'NO_SYMBOLS' && error.code !== 'EVIDENCE') throw error
  }
}

async function analyzers() {
  const files = readdirSync(join(root, 'dist', 'plugins'), { recursive: true }).filter(
    (file) => file.endsWith('.js') && !file.startsWith('rules/'),
  )
  const modules = await Promise.all(files.sort().map((file) => import(`../../dist/plugins/${file}`)))
  // Rules lie beside the analyzers, and ask nothing of a kernel.
  const runs = modules.map((module) => module.default).filter((found) => found?.run !== undefined)
  return runs.filter(({ source }) => source === undefined)
}

/** Requests by analyzer, and the places in the code that ask something and did not. */
export async function readRequests() {
  const requests = new Map()
  const unheard = placesThatAsk()
  Error.stackTraceLimit = 64
  const all = await analyzers()
  for (const { types: id } of sampleKernels()) {
    for (const [answer, changed] of Object.entries(ANSWERS)) {
      forgetShared(id)
      const readings = new Map()
      for (const analyzer of all) {
        const own = requests.get(analyzer.name) ?? new Set()
        requests.set(analyzer.name, own)
        // Only who asks what kind a file is can tell a symlink from another.
        if (answer === 'links' && ![...own].some((request) => request.includes(KIND_OF_FILE))) continue
        const hear = (request) => {
          own.add(request)
          if (unheard.size === 0) return
          for (const place of placesOf(new Error().stack)) unheard.delete(place)
        }
        const { note, end } = share(hear, readings)
        const still = listen(note, changed)
        try {
          await run(analyzer, id, all)
        } finally {
          still()
          end()
        }
      }
    }
  }
  return { requests, unheard: [...unheard] }
}
