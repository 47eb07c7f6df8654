/** Whom containers reached in the network: by sockets that are there still, and by connections that are tracked yet. */

import type { Finding, Known } from '../api/rule.js'
import { entryOf, type Kin, mayBeOrphan } from './lineage.js'
import { isOddPlace, isShell, programName } from './programs.js'
import { quote } from './quote.js'

type Port = number | bigint | null

interface Process extends Kin {
  readonly comm: string | null
  readonly exe: string | null
  readonly args: readonly string[] | null
  readonly pid_ns: number | bigint | null
}

interface Socket {
  readonly pid: number | bigint | null
  readonly state: string | null
  readonly container: string | null
  readonly remote_address: string | null
  readonly remote_port: Port
}

interface Tracked {
  readonly source_container: string | null
  readonly destination: string | null
  readonly destination_port: Port
  readonly reply_source: string | null
  readonly reply_source_port: Port
}

interface Tables<P extends Process, S extends Socket, T extends Tracked> {
  readonly processes: { where(column: 'pid', value: Port): readonly P[] }
  readonly sockets: { readonly rows: readonly S[] }
  readonly tracked: { readonly rows: readonly T[] } | null
}

export interface Contact {
  /** The process, or what is known of the container where the process is not known. */
  readonly about: Kin | { readonly container: string | null }
  readonly who: readonly string[] | string
  /** Address and port that were called. */
  readonly whom: string
  /** Whether it is no part of what the container was made for. */
  readonly strange: boolean
  readonly evidence: readonly object[]
}

/** Clients that people call by hand. */
const BY_HAND = /^(?:curl|wget|nc|ncat|netcat|socat|openssl|kubeletctl|telnet|nmap)$/

/** One contact for a process, and one for a container whose process is not known any more. Agents by design are left out. */
export function* contactsOf<P extends Process, S extends Socket, T extends Tracked>(
  { processes, sockets, tracked }: Tables<P, S, T>,
  known: Known,
  isTarget: (address: string, port: number) => boolean,
): Generator<Contact> {
  const told = new Set<unknown>()
  const seen = new Set<string | null>()
  for (const socket of sockets.rows) {
    const { pid, container, remote_address: address, remote_port: port } = socket
    if (pid === null || container === null || socket.state === 'LISTEN' || !isCalled(address, port, isTarget)) continue
    const process = processes.where('pid', pid)[0]
    seen.add(container)
    if (process === undefined || told.has(pid) || known.byDesign(container) !== null) continue
    told.add(pid)
    const entry = entryOf(processes, process, known)
    const entered = entry !== null && !mayBeOrphan(processes, entry)
    const strange = entered || isShell(process) || isOddPlace(process.exe) || BY_HAND.test(programName(process))
    yield { about: process, who: process.args ?? [], whom: `${address}:${port}`, strange, evidence: [socket, process] }
  }
  for (const row of tracked?.rows ?? []) {
    const { source_container: container } = row
    const called = isCalled(row.destination, row.destination_port, isTarget)
    const answered = isCalled(row.reply_source, row.reply_source_port, isTarget)
    if (container === null || seen.has(container) || (!called && !answered)) continue
    seen.add(container)
    if (known.byDesign(container) !== null) continue
    const whom = `${row.destination}:${row.destination_port}`
    yield {
      about: { container },
      who: known.container(container)?.name ?? container,
      whom,
      strange: false,
      evidence: [row],
    }
  }
}

/** What every rule over contacts says of one. */
export function contactFinding({ about, who, whom, evidence }: Contact): Finding {
  return { about, summary: `${quote(who)} is connected to ${whom}`, evidence }
}

function isCalled(address: string | null, port: Port, isTarget: (address: string, port: number) => boolean): boolean {
  return address !== null && port !== null && isTarget(address.replace(/^::ffff:/, ''), Number(port))
}
