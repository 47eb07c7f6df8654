import { defineRule, isEngine, isRuntimeSocket, need, quote } from 'salvor'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'runtime-socket-connected',
  title: 'A process of a container talks with a container engine',
  means:
    'It can have the engine start a container with the whole host in it, or enter others. Build tools and monitors do ' +
    'so by trade; with the socket of a shim nobody but the engine does.',
  next: [
    'See whether the container was given the socket: runtime-socket-mounted',
    'Read what was said in socket-queues, and look for containers started since',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611', 'T1610'],
  severity: 'medium',
  confidence: 'medium',
  reads: { sockets: need(sockets), processes: need(processes) },
  *find({ sockets, processes }, known) {
    const told = new Set<unknown>()
    for (const socket of sockets.where('family', 'unix')) {
      if (!isRuntimeSocket(socket.path) || socket.remote_pid === null || told.has(socket.remote_pid)) continue
      const [server, client] = [processes.where('pid', socket.pid)[0], processes.where('pid', socket.remote_pid)[0]]
      // A name alone makes no engine: inside of a container everybody may listen at such a path.
      if (server === undefined || !isEngine(processes, server) || !client || client.container === null) continue
      told.add(client.pid)
      const isShim = socket.path?.includes('shim') === true || socket.path?.startsWith('/run/containerd/s/') === true
      const usual = known.byDesign(client.container) === null ? 'medium' : 'info'
      yield {
        about: client,
        severity: isShim ? 'high' : usual,
        summary: `${quote(client.args)} is connected to ${quote(socket.path)} of ${quote(server.comm)}`,
        evidence: [socket, client, server],
      }
    }
  },
})
