import { defineRule, isOddPlace, need, programName, quote } from 'salvor'
import processes from '../../processes/processes.js'

/** Scanners, crackers, frameworks and tools made against containers, as they are called when they are built. */
const NAMES =
  /^(?:nmap|masscan|zmap|zgrab2?|rustscan|naabu|nuclei|ncrack|hashcat|sqlmap|gobuster|ffuf|msfconsole|msfvenom|sliver-(?:client|server)|merlin-agent|peirates|kube-hunter|kubeletctl|botb(?:-linux-amd64)?|amicontained|deepce(?:\.sh)?|cdk_linux_\w+|linpeas(?:\.sh|_\w+)?|linenum\.sh|lse\.sh|pspy(?:32|64)?s?|lazagne|mimipenguin(?:\.sh)?|trufflehog|pnscan|fscan)$/i

export default defineRule({
  name: 'intrusion-tool',
  title: 'A tool runs that is made for breaking in or looking around',
  means: 'Named as a scanner, cracker or a kit against containers. Testers use them too, by appointment.',
  next: [
    'See its arguments: the targets; and its connections in sockets',
    'Hash the program with extract, and see in process-tree who started it',
  ],
  tactic: 'discovery',
  attack: ['T1046', 'T1613'],
  kubernetes: ['MS-TA9031'],
  severity: 'medium',
  confidence: 'low',
  reads: { processes: need(processes) },
  *find({ processes }) {
    for (const process of processes.rows) {
      // A script is the first argument that its interpreter has.
      const script = (process.args ?? []).slice(1, 4).find((text) => !text.startsWith('-')) ?? ''
      const called = [programName(process), script.slice(script.lastIndexOf('/') + 1)].find((name) => NAMES.test(name))
      if (called === undefined || (called !== programName(process) && !/\.sh$/.test(called))) continue
      yield {
        about: process,
        severity: isOddPlace(process.exe) ? 'high' : 'medium',
        summary: `${quote(process.args)} is called as a tool of intruders is: ${quote(called)}`,
        evidence: [process],
      }
    }
  },
})
