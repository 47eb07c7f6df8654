import { defineRule, entryOf, isInstalled, isOddPlace, isShell, need, programName, quote } from 'salvor'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

/** Programs whose one use is to pass on what comes in. */
const RELAYS = /^(?:nc|ncat|netcat|nc\.(?:traditional|openbsd)|socat|powercat)$/
/** Where handlers and backdoors of well known tools listen unless told otherwise. */
const USUAL_FOR_BACKDOORS = new Set([1337, 4444, 4445, 5554, 6666, 31337])

export default defineRule({
  name: 'unusual-listener',
  title: 'A program that is no installed service waits for connections',
  means:
    'Services are installed with their package or come with their image. A relay, a shell, or a program from elsewhere that ' +
    'listens may be the way back in.',
  next: [
    'See who is connected to it in sockets and connections-tracked',
    'Hash the program, and see in process-tree who started it',
  ],
  tactic: 'command-and-control',
  attack: ['T1571', 'T1105'],
  severity: 'low',
  confidence: 'medium',
  reads: { sockets: need(sockets), processes: need(processes) },
  *find({ sockets, processes }, known) {
    const told = new Set<string>()
    for (const socket of sockets.where('state', 'LISTEN')) {
      const process = socket.pid === null ? undefined : processes.where('pid', socket.pid)[0]
      if (process === undefined || process.exe === null || socket.local_port === null) continue
      const relay = RELAYS.test(programName(process)) || isShell(process)
      const strange = process.container === null && !isInstalled(process.exe)
      const entered = entryOf(processes, process, known) !== null
      const place = `${socket.pid} ${socket.local_port}`
      if ((!relay && !strange && !entered) || told.has(place)) continue
      told.add(place)
      const port = USUAL_FOR_BACKDOORS.has(Number(socket.local_port))
      const signs = [relay, strange, entered, port, isOddPlace(process.exe)].filter(Boolean).length
      yield {
        about: process,
        severity: signs > 2 ? 'high' : signs > 1 ? 'medium' : 'low',
        summary: `${quote(process.args)} from ${quote(process.exe)} listens at ${socket.local_address}:${socket.local_port}`,
        evidence: [socket, process],
      }
    }
  },
})
