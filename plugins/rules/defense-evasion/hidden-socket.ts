import { defineRule, lessIfTorn, need, quote } from 'salvor'
import info from '../../image/info.js'
import sockets from '../../network/sockets.js'

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
      yield {
        about: socket,
        ...lessIfTorn(info),
        summary: `The ${socket.protocol ?? socket.family ?? ''} socket at ${quote(end)} is in no table`,
        evidence: [socket],
      }
    }
  },
})
