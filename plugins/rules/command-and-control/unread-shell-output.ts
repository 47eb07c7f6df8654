import { defineRule, isShell, need, quote } from 'salvor'
import socketQueues from '../../network/socket-queues.js'
import processes from '../../processes/processes.js'

/** Sockets that lead elsewhere; a shell has pipes for honest reasons. */
const REMOTE = /^(?:tcp|udp|sctp|dccp)/

export default defineRule({
  name: 'unread-shell-output',
  title: 'What a shell said to the network, or was told by it, is still in a queue',
  means: 'The last command or answer of a remote shell lies in the queue of its connection and can be read.',
  next: ['Read all of it with socket-queues --bytes', 'See both ends in sockets and process-tree'],
  tactic: 'command-and-control',
  attack: ['T1095', 'T1059.004'],
  severity: 'medium',
  confidence: 'high',
  reads: { queues: need(socketQueues), processes: need(processes) },
  *find({ queues, processes }) {
    for (const queue of queues.rows) {
      if (!REMOTE.test(queue.kind ?? '') || Number(queue.size ?? 0) === 0) continue
      const ends = [queue.pid, queue.remote_pid].flatMap((pid) =>
        pid === null ? [] : processes.where('pid', pid).slice(0, 1),
      )
      const shell = ends.find(isShell)
      if (shell === undefined) continue
      yield {
        about: shell,
        summary: `${queue.size} bytes of ${quote(shell.args)} are ${quote(queue.queue)}: ${quote(queue.text)}`,
        evidence: [queue, shell],
      }
    }
  },
})
