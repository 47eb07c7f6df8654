import { defineRule, isAgent, need, quote } from 'salvor'
import bpfPrograms from '../../kernel/bpf-programs.js'
import processes from '../../processes/processes.js'

/** Kinds of programs that see what all processes do. */
const WATCHING = new Set([
  'kprobe',
  'tracepoint',
  'raw_tracepoint',
  'raw_tracepoint_writable',
  'tracing',
  'lsm',
  'perf_event',
])
/** Functions by which files, processes, connections and BPF programs themselves are listed: what is hidden is hidden there. */
const LISTING =
  /getdents|filldir|iterate_dir|proc_pid_readdir|(?:tcp[46]?|udp[46]?|packet|raw[46]?|unix)_seq_show|sys_bpf\b|sys_kill\b|inet_diag|sock_diag/

export default defineRule({
  name: 'bpf-watches-system',
  title: 'A BPF program that sees what all processes do, of no known agent',
  means:
    'It is called at system calls, functions or events of the whole host, and whoever loaded it is no agent that is ' +
    'installed. Rootkits and keyloggers work so; so does an administrator with bpftrace.',
  next: [
    'Read what it does with bpf-instructions, and what it keeps with bpf-map-entries',
    'See who holds it in bpf-programs, and what that process is',
  ],
  tactic: 'defense-evasion',
  attack: ['T1014'],
  severity: 'medium',
  confidence: 'medium',
  reads: { programs: need(bpfPrograms), processes: need(processes) },
  *find({ programs, processes }, known) {
    for (const program of programs.rows) {
      if (!WATCHING.has(program.type ?? '')) continue
      const places = [...(program.attached_to ?? []), ...(program.function === null ? [] : [program.function])]
      const holder = processes.where('pid', program.pid)[0]
      const byTrade = known.byDesign(program.container) !== null || (holder !== undefined && isAgent(holder))
      const hides = places.some((place) => LISTING.test(place))
      if (byTrade && !hides) continue
      const what = places.length === 0 ? 'is loaded' : `is attached to ${quote(places.slice(0, 3).join(', '))}`
      yield {
        about: program,
        severity: byTrade ? 'info' : hides ? 'high' : 'medium',
        summary: `The ${program.type} program ${quote(program.name)} ${what}${holder === undefined ? '' : `, held by ${quote(holder.exe)}`}`,
        evidence: [program, ...(holder === undefined ? [] : [holder])],
      }
    }
  },
})
