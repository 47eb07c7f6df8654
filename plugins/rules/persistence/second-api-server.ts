import { defineRule, need, programName, quote } from 'salvor'
import processes from '../../processes/processes.js'

const SERVERS = /^kube-apiserver$/
/** Lets everybody in, or lets whoever is in do everything. */
const OPEN = /^--(?:authorization-mode=(?:.*,)?AlwaysAllow\b|anonymous-auth=true$|insecure-port=[1-9])/

export default defineRule({
  name: 'second-api-server',
  title: 'An API server or kubelet lets everybody in, or runs a second time',
  means:
    'A second API server on the same store answers whom the first one refuses, and writes no audit log. One that is open ' +
    'gives the cluster to whoever reaches it.',
  next: [
    'Compare the arguments of both in processes, and see who is connected in sockets',
    'See in process-tree and containers who started it',
  ],
  tactic: 'persistence',
  attack: ['T1556', 'T1133'],
  kubernetes: ['MS-TA9005'],
  severity: 'medium',
  confidence: 'medium',
  reads: { processes: need(processes) },
  *find({ processes }) {
    const servers = processes.rows.filter((process) => SERVERS.test(programName(process)))
    const kubelets = processes.rows.filter((process) => programName(process) === 'kubelet')
    for (const process of [...servers, ...kubelets]) {
      const open = (process.args ?? []).slice(1, 512).find((text) => OPEN.test(text))
      const others = servers.includes(process)
        ? servers.filter(({ net_ns }) => net_ns === process.net_ns).length - 1
        : 0
      if (open === undefined && others === 0) continue
      const second = others > 0 ? `, and ${others} more beside it` : ''
      yield {
        about: process,
        severity: open !== undefined && (others > 0 || open.includes('AlwaysAllow')) ? 'high' : 'medium',
        summary: `${quote(process.exe)} runs${open === undefined ? '' : ` with ${quote(open)}`}${second}`,
        evidence: [process],
      }
    }
  },
})
