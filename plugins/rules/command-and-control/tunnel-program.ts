import { defineRule, entryOf, isInstalled, isOddPlace, need, programName, quote } from 'salvor'
import processes from '../../processes/processes.js'

const NAMES =
  /^(?:chisel|frp[cs]|ngrok|cloudflared|gost|ligolo(?:-ng)?|rathole|bore|iodined?|dnscat2?|ptunnel(?:-ng)?|gs-netcat|gsocket|sshuttle|revsocks|rsocx|proxychains4?|3proxy|microsocks|nps|npc|localtonet|zrok)$/
/** Forwarding of ports and a proxy, as ssh is told; -N and others may stand in the same word. */
const FORWARDS = /^-[A-Za-z]*[RDLw]/

export default defineRule({
  name: 'tunnel-program',
  title: 'A program makes a tunnel or a proxy',
  means:
    'It carries connections of others out of or into this network, where no rule and no log sees whose they are. ' +
    'Administrators use such programs as well.',
  next: [
    'See in sockets where the tunnel leads, and who is connected to its ports here',
    'Ask whether this was set up by the owner; see who started it in process-tree',
  ],
  tactic: 'command-and-control',
  attack: ['T1572', 'T1090'],
  severity: 'low',
  confidence: 'medium',
  reads: { processes: need(processes) },
  *find({ processes }, known) {
    for (const process of processes.rows) {
      const program = programName(process)
      const forwards =
        program === 'ssh' ? (process.args ?? []).slice(1, 64).find((text) => FORWARDS.test(text)) : undefined
      if (!NAMES.test(program) && forwards === undefined) continue
      const entered = entryOf(processes, process, known) !== null
      const placed = entered || !isInstalled(process.exe)
      yield {
        about: process,
        severity: isOddPlace(process.exe) ? 'high' : placed ? 'medium' : 'low',
        summary: `${quote(process.args)} from ${quote(process.exe)} carries connections of others`,
        evidence: [process],
      }
    }
  },
})
