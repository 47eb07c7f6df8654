import { defineRule, isShell, need, quote } from 'salvor'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'
import terminals from '../../traces/terminals.js'

const REMOTE = new Set(['inet', 'inet6'])

export default defineRule({
  name: 'shell-connection',
  title: 'A shell holds a network connection of its own',
  means:
    'Shells connect to nothing by themselves: somebody opened /dev/tcp in it, or it was left a connection by what started ' +
    'it. Both serve to reach what no client is installed for.',
  next: [
    'See the other end in sockets, and what goes over it in socket-queues',
    'Read what was typed in shell-history',
  ],
  tactic: 'command-and-control',
  attack: ['T1095', 'T1059.004'],
  kubernetes: ['MS-TA9034'],
  severity: 'medium',
  confidence: 'medium',
  reads: { sockets: need(sockets), processes: need(processes), terminals: need(terminals) },
  *find({ sockets, processes, terminals }) {
    for (const process of processes.rows) {
      if (process.pid === null || !isShell(process)) continue
      const own = sockets.where('pid', process.pid).filter(({ family }) => REMOTE.has(family ?? ''))
      // What is its input or output makes it a reverse shell, which has a rule of its own.
      if (own.some(({ fd }) => fd !== null && fd <= 2)) continue
      const inherited = new Set(sockets.where('pid', process.ppid).map((socket) => socket.address))
      const found = own.filter((socket) => isConnected(socket) && !inherited.has(socket.address))
      const [first] = found
      if (first === undefined) continue
      const typedInto = terminals.where('session', process.pid).length > 0
      yield {
        about: process,
        severity: typedInto ? 'high' : 'medium',
        confidence: typedInto ? 'high' : 'medium',
        summary: `${quote(process.args)} is connected to ${first.remote_address}:${first.remote_port} by its descriptor ${first.fd}`,
        evidence: [...found, process],
      }
    }
  },
})

function isConnected(socket: { state: string | null; remote_port: number | bigint | null }): boolean {
  return socket.state !== 'LISTEN' && socket.remote_port !== null && Number(socket.remote_port) !== 0
}
