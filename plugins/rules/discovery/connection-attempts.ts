import { defineRule, isOddPlace, isShell, need, quote } from 'salvor'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

/** Attempts at once that no client needs. */
const [SOME, MANY] = [16, 128]

export default defineRule({
  name: 'connection-attempts',
  title: 'A process tries to connect to many places at once',
  means:
    'Who looks for open ports leaves attempts that nobody answers. A service that lost what it needs does so too, to one place.',
  next: [
    'See in sockets which addresses and ports it tries',
    'See who started it in process-tree, and hash its program',
  ],
  tactic: 'discovery',
  attack: ['T1046'],
  kubernetes: ['MS-TA9031'],
  severity: 'low',
  confidence: 'medium',
  reads: { sockets: need(sockets), processes: need(processes) },
  *find({ sockets, processes }) {
    const trying = sockets.where('state', 'SYN_SENT')
    for (const pid of new Set(trying.map((socket) => socket.pid))) {
      const process = pid === null ? undefined : processes.where('pid', pid)[0]
      if (process === undefined) continue
      const own = trying.filter((socket) => socket.pid === pid)
      const places = new Set(own.map(({ remote_address, remote_port }) => `${remote_address}:${remote_port}`))
      if (places.size < SOME) continue
      yield {
        about: process,
        severity: isShell(process) || isOddPlace(process.exe) ? 'high' : places.size >= MANY ? 'medium' : 'low',
        summary: `${quote(process.args)} tries to connect to ${places.size} places at once`,
        evidence: [process, ...own.slice(0, SOME)],
      }
    }
  },
})
