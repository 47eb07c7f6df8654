/** What a row shows, in the terms that formats for exchange have: a process, a file, a connection. */

import { isIP } from 'node:net'
import type { Value } from '../../api/columns.js'
import type { PlainRow } from './rows.js'

export interface ObservedProcess {
  readonly pid: number
  readonly name: string | null
  readonly arguments: readonly string[]
  readonly executable: string | null
  readonly parent: number | null
  readonly started: string | null
}

export interface ObservedFile {
  readonly path: string
  readonly size: number | null
  readonly sha256: string | null
  readonly modified: string | null
}

export interface ObservedConnection {
  readonly source: string | null
  readonly sourcePort: number | null
  readonly destination: string | null
  readonly destinationPort: number | null
  readonly protocol: string | null
}

export interface Observed {
  readonly process: ObservedProcess | null
  readonly file: ObservedFile | null
  readonly connection: ObservedConnection | null
}

/** Tables whose rows are files: by path, and not only open, mapped or run by something. */
const ofFiles: ReadonlySet<string> = new Set(['files', 'open-files', 'extract'])
/** Columns with the two ends of a connection. */
const ends: Readonly<Record<string, readonly [string, string, string, string]>> = {
  sockets: ['local_address', 'local_port', 'remote_address', 'remote_port'],
  'connections-tracked': ['source', 'source_port', 'destination', 'destination_port'],
}

function textOf(value: Value | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

function numberOf(value: Value | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null
}

/** An address of somebody: not the one that stands for all or for none. */
function addressOf(value: Value | undefined): string | null {
  return typeof value === 'string' && isIP(value) !== 0 && value !== '0.0.0.0' && value !== '::' ? value : null
}

function portOf(value: Value | undefined): number | null {
  const port = numberOf(value)
  return port !== null && port > 0 && port <= 65_535 ? port : null
}

function processOf({ pid, comm, args, exe, ppid, started }: PlainRow): ObservedProcess | null {
  const number = numberOf(pid)
  if (number === null) return null
  return {
    pid: number,
    name: textOf(comm),
    arguments: Array.isArray(args) ? args.map(String) : [],
    executable: textOf(exe),
    parent: numberOf(ppid),
    started: textOf(started),
  }
}

function fileOf({ path, size, sha256, modified }: PlainRow): ObservedFile | null {
  const named = textOf(path)
  if (named === null || !/[^/]/.test(named)) return null
  return { path: named, size: numberOf(size), sha256: textOf(sha256), modified: textOf(modified) }
}

function connectionOf(table: string, row: PlainRow): ObservedConnection | null {
  const columns = Object.hasOwn(ends, table) ? ends[table] : undefined
  if (columns === undefined) return null
  const [from, fromPort, to, toPort] = columns
  const [source, destination] = [addressOf(row[from]), addressOf(row[to])]
  if (source === null && destination === null) return null
  const protocol = textOf(row.protocol)?.toLowerCase() ?? null
  return { source, sourcePort: portOf(row[fromPort]), destination, destinationPort: portOf(row[toPort]), protocol }
}

export function observedIn(table: string, row: PlainRow): Observed {
  return {
    process: processOf(row),
    file: ofFiles.has(table) ? fileOf(row) : null,
    connection: connectionOf(table, row),
  }
}

/** A path's folder and name. */
export function split(path: string): { folder: string | null; name: string } {
  const trimmed = path.replace(/\/+$/, '')
  const at = trimmed.lastIndexOf('/')
  return { folder: at < 0 ? null : trimmed.slice(0, at) || '/', name: trimmed.slice(at + 1) }
}
