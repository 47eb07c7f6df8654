import { defineRule, isYoung, lessIfYoung, need, quote } from 'salvor'
import info from '../../image/info.js'
import sockets from '../../network/sockets.js'

/** Both ends have said that they are done: what is left is about to be taken off (net/ipv4/tcp_input.c). */
const ENDING = new Set(['CLOSING', 'LAST_ACK'])

export default defineRule({
  name: 'hidden-socket',
  title: 'A socket that the kernel’s own table lacks',
  means:
    'It is open and works, and the table from which ss and /proc/net are made does not have it: somebody took it out.',
  next: ['See whose it is and where it leads', 'Look for what hides it: kernel-hooks, modules, bpf-programs'],
  tactic: 'defense-evasion',
  attack: ['T1014', 'T1564'],
  severity: 'high',
  confidence: 'medium',
  reads: { sockets: need(sockets), info: need(info) },
  *find({ sockets, info }) {
    for (const socket of sockets.where('unhashed', true)) {
      const end = socket.path ?? `${socket.local_address}:${socket.local_port}`
      // A connection that ends is as young as it gets: it leaves at any moment.
      const since = ENDING.has(socket.state ?? '') ? info.rows[0]?.taken : socket.there_since
      const missing = `The ${socket.protocol ?? socket.family ?? ''} socket at ${quote(end)} is in no table`
      yield {
        about: socket,
        ...lessIfYoung(info, since),
        summary: isYoung(info, since) ? `${missing}, or came or went while memory was taken` : missing,
        evidence: [socket],
      }
    }
  },
})
