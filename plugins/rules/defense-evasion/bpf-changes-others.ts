import { defineRule, isAgent, need, quote } from 'salvor'
import bpfPrograms from '../../kernel/bpf-programs.js'
import processes from '../../processes/processes.js'

/** What a program needs to change what others see, not only to watch (include/uapi/linux/bpf.h). */
const CHANGES: readonly (readonly [RegExp, string])[] = [
  [/^bpf_probe_write_user\b/, 'writes into the memory of processes'],
  [/^bpf_override_return\b/, 'makes functions of the kernel fail'],
  [/^bpf_send_signal(?:_thread)?\b/, 'sends signals to processes'],
]

export default defineRule({
  name: 'bpf-changes-others',
  title: 'A BPF program that changes what processes read, or what becomes of them',
  means:
    'It writes into memory of processes, makes system calls fail or kills: so rootkits hide files and connections. Some ' +
    'security agents do it to stop what they forbid.',
  next: ['Read what it does with bpf-instructions', 'See who loaded and who holds it in bpf-programs'],
  tactic: 'defense-evasion',
  attack: ['T1014'],
  severity: 'high',
  confidence: 'medium',
  reads: { programs: need(bpfPrograms), processes: need(processes) },
  *find({ programs, processes }, known) {
    for (const program of programs.rows) {
      const does = CHANGES.filter(([helper]) => program.helpers?.some((called) => helper.test(called)))
      if (does.length === 0) continue
      const holder = processes.where('pid', program.pid)[0]
      const byTrade = known.byDesign(program.container) !== null || (holder !== undefined && isAgent(holder))
      yield {
        about: program,
        severity: byTrade ? 'low' : 'high',
        summary: `The program ${quote(program.name)} ${does.map(([, words]) => words).join(' and ')}`,
        evidence: [program, ...(holder === undefined ? [] : [holder])],
      }
    }
  },
})
