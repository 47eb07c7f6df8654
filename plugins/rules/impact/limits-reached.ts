import { defineRule, need, quote } from 'salvor'
import cgroupLimits from '../../containers/cgroup-limits.js'
import cgroups from '../../containers/cgroups.js'
import kernelLog from '../../kernel/kernel-log.js'

const KILLED = /out of memory: Kill|oom-kill:/i
const FORK_BOMB = /fork rejected by pids controller/i
/** More processes than honest containers have. */
const MANY = 4000

export default defineRule({
  name: 'limits-reached',
  title: 'Processes were killed or refused because memory or their number ran out',
  means: 'A fork bomb, a miner that takes all memory, or a limit that is too low for an honest program.',
  next: [
    'Read the lines around it in kernel-log: which cgroup and which process',
    'See what runs in that container in processes',
  ],
  tactic: 'impact',
  attack: ['T1499.001'],
  kubernetes: ['MS-TA9040'],
  severity: 'low',
  confidence: 'low',
  reads: { log: need(kernelLog), cgroups: need(cgroups), limits: need(cgroupLimits) },
  *find({ log, cgroups, limits }) {
    for (const pattern of [KILLED, FORK_BOMB]) {
      const found = log.rows.filter(({ text }) => pattern.test((text ?? '').slice(0, 512)))
      const last = found.at(-1)
      if (last === undefined) continue
      yield {
        severity: pattern === FORK_BOMB ? 'medium' : 'low',
        summary: `The kernel wrote so ${found.length} times, the last time: ${quote(last.text)}`,
        evidence: found.slice(-10),
      }
    }
    for (const limit of limits.rows) {
      const { container, pids_used: used, pids_limit: most } = limit
      if (container === null || used === null || most === null || BigInt(most) === 0n || BigInt(used) < BigInt(most))
        continue
      yield {
        about: { container },
        severity: 'medium',
        summary: `It has as many tasks as it may have, ${used} of ${most}`,
        evidence: [limit],
      }
    }
    for (const cgroup of cgroups.rows) {
      if (cgroup.container === null || Number(cgroup.processes ?? 0) < MANY) continue
      yield {
        about: { container: cgroup.container },
        severity: 'medium',
        summary: `${cgroup.processes} processes are in ${quote(cgroup.path)}`,
        evidence: [cgroup],
      }
    }
  },
})
