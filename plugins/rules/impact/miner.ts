import { defineRule, isOddPlace, need, programName, quote } from 'salvor'
import processes from '../../processes/processes.js'

/** Miners, and names under which known campaigns run theirs. */
const NAMES =
  /^(?:xmrig|xmr-stak|minerd|cpuminer|ccminer|ethminer|nbminer|t-rex|lolminer|phoenixminer|nanominer|cryptonight|xmrigdaemon|kinsing|kdevtmpfsi|kthreaddi|kthreaddk|watchbog|sysrv)/i
/** What only miners are told. */
const TOLD = /\bstratum\+(?:tcp|ssl|tls|udp):|--donate-level\b|--randomx|--nicehash\b|\bcryptonight\b|\brx\/0\b/i

export default defineRule({
  name: 'miner',
  title: 'A program that mines cryptocurrency',
  means: 'Miners are what most intruders into containers run: they pay at once, at the owner’s cost.',
  next: [
    'Take wallet and pool from its arguments, and its connection from sockets',
    'See how it came to run in process-tree, and what restarts it: cron, a unit, another process',
  ],
  tactic: 'impact',
  attack: ['T1496.001'],
  kubernetes: ['MS-TA9039'],
  severity: 'medium',
  confidence: 'medium',
  reads: { processes: need(processes) },
  *find({ processes }) {
    for (const process of processes.rows) {
      const args = (process.args ?? []).slice(0, 64).join(' ').slice(0, 4096)
      const told = TOLD.exec(args)?.[0]
      const named = [programName(process), process.comm ?? ''].find((name) => NAMES.test(name))
      if (told === undefined && named === undefined) continue
      const sure = told !== undefined || isOddPlace(process.exe)
      yield {
        about: process,
        severity: sure ? 'high' : 'medium',
        confidence: told !== undefined ? 'high' : sure ? 'medium' : 'low',
        summary:
          told !== undefined
            ? `${quote(process.args)} is told ${quote(told)}`
            : `${quote(process.exe)} is named as miners are: ${quote(named ?? null)}`,
        evidence: [process],
      }
    }
  },
})
