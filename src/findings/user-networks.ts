/** Networks of containers that users start without root: a program of the user's carries their packets. */

import type { KnownContainer } from '../api/rule.js'
import { firstOfHost, type Id, type Placed, type Placements } from './host.js'
import { isInstalled, programName } from './programs.js'

interface Carrier extends Placed {
  readonly uid: Id
  readonly net_ns: Id
  readonly user_ns: Id
}

interface Tunnel {
  readonly net_ns: Id
  readonly attached: readonly string[] | null
}

/** passt is pasta, too, and has a build for each kind of processor. */
const CARRIERS = /^(?:passt|pasta|slirp4netns)(?:\.\w{1,16})?$/

/**
 * The program that carries a container's packets for the user who started it, as podman without root has it: null unless all
 * who have the tunnel open are such. What they send leaves by ordinary sockets of that user in the network around the
 * container, whose rules it obeys. A name alone is no such program: it is installed, of no container, stands in another
 * network than the tunnel's, and belongs to the user of whoever looks after the container, which has users of its own.
 */
export function userNetwork<P extends Carrier>(
  processes: Placements<P>,
  tunnel: Tunnel,
  container: KnownContainer | undefined,
): P | null {
  const byPid = (pid: Id) => (pid === null ? undefined : processes.where('pid', pid)[0])
  const first = byPid(container?.init_pid ?? null)
  const [host, monitor] = [firstOfHost(processes), byPid(first?.ppid ?? null)]
  const carriers = (tunnel.attached ?? []).map((pid) => byPid(Number(pid)))
  if (first === undefined || host === undefined || monitor === undefined || first.user_ns === host.user_ns) return null
  const carries = (process: P | undefined): process is P =>
    process !== undefined &&
    process.container === null &&
    process.uid === monitor.uid &&
    process.net_ns !== tunnel.net_ns &&
    process.net_ns === monitor.net_ns &&
    isInstalled(process.exe) &&
    CARRIERS.test(programName(process))
  return carriers.every(carries) ? (carriers[0] ?? null) : null
}
