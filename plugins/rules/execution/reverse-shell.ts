import { defineRule, isShell, need, quote } from 'salvor'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

const REMOTE = new Set(['inet', 'inet6'])

export default defineRule({
  name: 'reverse-shell',
  title: 'A shell whose input or output is a network connection',
  means: 'Whoever is at the other end types commands into this shell. Services give a shell pipes or a terminal.',
  next: [
    'See the other end in sockets, and whose address that is',
    'Read the shell’s history and its process tree for what was typed and started',
    'Look for unread bytes of the connection in socket-queues',
  ],
  tactic: 'execution',
  attack: ['T1059.004'],
  kubernetes: ['MS-TA9006'],
  severity: 'high',
  confidence: 'high',
  reads: { sockets: need(sockets), processes: need(processes) },
  *find({ sockets, processes }) {
    const told = new Set<unknown>()
    for (const socket of sockets.rows) {
      if (socket.pid === null || !REMOTE.has(socket.family ?? '') || Number(socket.fd ?? 3) > 2) continue
      const process = processes.where('pid', socket.pid)[0]
      if (process === undefined || !isShell(process) || told.has(socket.pid)) continue
      told.add(socket.pid)
      yield {
        about: process,
        summary: `${quote(process.args)} talks with ${socket.remote_address}:${socket.remote_port} by its descriptor ${socket.fd}`,
        evidence: [socket, process],
      }
    }
  },
})
