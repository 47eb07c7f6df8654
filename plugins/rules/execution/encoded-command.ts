import { defineRule, isInterpreter, need, quote, type Severity } from 'salvor'
import processes from '../../processes/processes.js'

/** More of a command line is not looked at. */
const MOST = 8192

const SIGNS: readonly (readonly [RegExp, string, Severity])[] = [
  [/\bbase64\s+(?:-d|-D|--decode)\b[^;&]*\|\s*(?:ba|da|z)?sh\b/, 'decodes a text and runs it', 'high'],
  [
    /\b(?:exec|eval)\b[^;]{0,200}\b(?:b64decode|base64_decode|decode_base64|unhexlify|fromhex)\b/,
    'decodes a text and runs it',
    'high',
  ],
  [
    /\/dev\/(?:tcp|udp)\/[^;]{0,200}(?:0>&1|<&\d|0<&)|\bsh\s+-i\b[^;]{0,200}\/dev\/(?:tcp|udp)\//,
    'gives a shell to the network',
    'high',
  ],
  [/\b(?:curl|wget)\b[^;&]*\|\s*(?:ba|da|z)?sh\b/, 'runs what it fetches', 'medium'],
  [/\bsocket\b[\s\S]{0,400}\b(?:dup2|pty\.spawn|fsockopen)\b/, 'gives a shell to the network', 'high'],
  [/[A-Za-z0-9+/]{400}/, 'holds a long text that is encoded', 'low'],
]

export default defineRule({
  name: 'encoded-command',
  title: 'An interpreter was given a program that hides what it does, or comes from the network',
  means: 'What is encoded in a command line or fetched into a shell leaves no file, and no plain text in a log.',
  next: [
    'Decode the arguments: they are whole in processes',
    'See what the process has open and connected, and what it started',
  ],
  tactic: 'execution',
  attack: ['T1059', 'T1027.010'],
  severity: 'medium',
  confidence: 'medium',
  reads: { processes: need(processes) },
  *find({ processes }) {
    for (const process of processes.rows) {
      if (!isInterpreter(process) || process.args === null) continue
      const given = process.args.slice(1, 256).join(' ').slice(0, MOST)
      const sign = SIGNS.find(([pattern]) => pattern.test(given))
      if (sign === undefined) continue
      yield {
        about: process,
        severity: sign[2],
        summary: `${quote(process.args)} ${sign[1]}`,
        evidence: [process],
      }
    }
  },
})
