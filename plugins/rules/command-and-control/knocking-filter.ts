import { defineRule, isInstalled, isOddPlace, need, quote } from 'salvor'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

/** Numbers that known backdoors wait for in a packet (BPFDoor and what was made of it). */
const MAGIC = /#0x(?:7255|5293|39393939)\b/i
/** More of a filter is not looked at. */
const MOST = 65_536

export default defineRule({
  name: 'knocking-filter',
  title: 'A raw socket waits for a packet of a certain kind',
  means:
    'A backdoor needs no port: it sees all packets through a raw socket, and its filter lets through the one that wakes it. ' +
    'No list of open ports shows it.',
  next: [
    'Read the filter in sockets: which bytes at which place it waits for',
    'Write the program out with elf-dump and hash it; see what it started in process-tree',
  ],
  tactic: 'command-and-control',
  attack: ['T1205.002', 'T1205'],
  severity: 'high',
  confidence: 'medium',
  reads: { sockets: need(sockets), processes: need(processes) },
  *find({ sockets, processes }) {
    for (const socket of sockets.rows) {
      if (socket.filter === null || (socket.family !== 'packet' && socket.type !== 'raw')) continue
      const process = socket.pid === null ? undefined : processes.where('pid', socket.pid)[0]
      const magic = MAGIC.exec(socket.filter.slice(0, MOST))?.[0]
      const { exe = null, container = null, args = null } = process ?? {}
      const strange =
        isOddPlace(exe) || exe?.endsWith(' (deleted)') === true || (container === null && !isInstalled(exe))
      // Kernel sockets, netlink and those of installed programs have filters by design.
      if (magic === undefined && (exe === null || !strange)) continue
      if (socket.family === 'netlink') continue
      yield {
        about: process ?? {},
        severity: magic === undefined ? 'high' : 'critical',
        confidence: magic === undefined ? 'medium' : 'high',
        summary: `${quote(args)} from ${quote(exe)} has a raw socket whose filter ${magic === undefined ? 'chooses packets' : `waits for ${magic}, as known backdoors do`}`,
        evidence: process === undefined ? [socket] : [socket, process],
      }
    }
  },
})
