import { ancestorsOf, defineRule, isInstalled, isInterpreter, isShell, need, programName, quote } from 'salvor'
import openFiles from '../../files/open-files.js'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

/** What gives shells to those who may log in, where it is installed on the host. */
const LOGINS = /^(?:sshd(?:-session)?|in\.telnetd|telnetd|mosh-server|cockpit-bridge|teleport|login|tailscaled)$/
const RELAYS = /^(?:nc|ncat|netcat|socat|openssl|telnet|curl)$/
const TERMINALS = /^\/dev\/(?:pts\/)?ptmx$/
const PIPE = /^pipe:\[\d+\]$/

export default defineRule({
  name: 'relayed-shell',
  title: 'A shell whose input or output another process passes on to the network',
  means:
    'The shell has a pipe or a terminal, and who holds the other end has a connection: a reverse shell of two parts, as ' +
    'those make it who want a terminal or have no better tool.',
  next: [
    'See the other end of the connection in sockets',
    'Read what was typed and answered in terminals, shell-history and socket-queues',
  ],
  tactic: 'execution',
  attack: ['T1059.004'],
  kubernetes: ['MS-TA9007'],
  severity: 'high',
  confidence: 'medium',
  reads: { processes: need(processes), files: need(openFiles), sockets: need(sockets) },
  *find({ processes, files, sockets }) {
    for (const shell of processes.rows) {
      if (shell.pid === null || !isShell(shell) || hasScript(shell.args)) continue
      const own = files.where('pid', shell.pid)
      const [input, output] = [0, 1].map((fd) => own.find((file) => file.fd !== null && Number(file.fd) === fd))
      if (!input?.path || !output?.path) continue
      const above = ancestorsOf(processes, shell).flatMap(({ pid }) => files.where('pid', pid))
      const readers = files
        .where('path', output.path)
        .filter(({ pid, flags }) => pid !== shell.pid && isForReading(flags))
      const held = isPiped(input, output)
        ? readers
        : input.path.startsWith('/dev/pts/')
          ? above.filter(isTerminalMaster)
          : []
      for (const file of held) {
        const relay = processes.where('pid', file.pid)[0]
        const connection = sockets.where('pid', file.pid).find(isConnection)
        if (relay === undefined || connection === undefined || isLogin(relay)) continue
        const plain = isInstalled(relay.exe) && !RELAYS.test(programName(relay)) && !isGivenCode(relay)
        yield {
          about: shell,
          severity: plain ? 'medium' : 'high',
          summary: `${quote(shell.args)} talks through ${quote(relay.args)} with ${connection.remote_address}:${connection.remote_port}`,
          evidence: [shell, output, file, relay, connection],
        }
        break
      }
    }
  },
})

type Named = Parameters<typeof programName>[0] & { readonly container: string | null }

/** An interpreter with a program in its arguments; notebooks and others have theirs in a file. */
function isGivenCode(relay: Named): boolean {
  return isInterpreter(relay) && (relay.args ?? []).slice(1, 8).some((text) => /^-[A-Za-z]*[ce]$/.test(text))
}

function isLogin(relay: Named): boolean {
  return relay.container === null && isInstalled(relay.exe) && LOGINS.test(programName(relay))
}

interface Opened {
  readonly path: string | null
  readonly type: string | null
}

function isPiped(input: Opened, output: Opened): boolean {
  return (input.type === 'fifo' || PIPE.test(input.path ?? '')) && PIPE.test(output.path ?? '')
}

/** Run with a script or a command: that is no shell for somebody to type into. */
function hasScript(args: readonly string[] | null): boolean {
  return (args ?? []).slice(1, 16).some((text) => !text.startsWith('-') || /^-[a-z]*c/.test(text))
}

function isForReading(flags: string | null): boolean {
  // O_ACCMODE, the lowest two bits of the octal number (include/uapi/asm-generic/fcntl.h): 1 is for writing only.
  return flags !== null && Number.parseInt(flags.slice(-1), 8) % 4 !== 1
}

function isTerminalMaster({ path }: { path: string | null }): boolean {
  return TERMINALS.test(path ?? '')
}

function isConnection(socket: {
  family: string | null
  state: string | null
  remote_port: number | bigint | null
}): boolean {
  const { family, state, remote_port } = socket
  return (
    (family === 'inet' || family === 'inet6') && state !== 'LISTEN' && remote_port !== null && Number(remote_port) !== 0
  )
}
