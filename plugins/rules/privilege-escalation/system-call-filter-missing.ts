import { ancestorsOf, defineRule, isRuntimeStep, need, quote } from 'salvor'
import credentials from '../../processes/credentials.js'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'system-call-filter-missing',
  title: 'A process lacks the system call filter that its container has',
  means:
    'A filter is handed down and cannot be taken off: the process was started from outside without one (an exec with ' +
    '--privileged), or where it comes from the first process, the kernel was changed to take it off.',
  next: [
    'See in process-tree who started it',
    'Where it comes from the first process of the container, look at kernel-hooks, modules and bpf-programs',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611', 'T1562.001'],
  severity: 'medium',
  confidence: 'high',
  reads: { credentials: need(credentials), processes: need(processes), programs: need(memoryPrograms) },
  *find({ credentials, processes, programs }, known) {
    for (const held of credentials.where('seccomp', 'disabled')) {
      const first = known.container(held.container)?.init_pid ?? null
      const usual = first === null ? undefined : credentials.where('pid', first)[0]
      const process = processes.where('pid', held.pid)[0]
      if (usual?.seccomp !== 'filter' || process === undefined || isRuntimeStep(processes, programs, process)) continue
      // Below the first process everybody has the filter that it was started with.
      const wasTakenOff = ancestorsOf(processes, process).some(({ pid }) => pid === first)
      yield {
        about: held,
        severity: wasTakenOff ? 'high' : 'medium',
        summary: `${quote(process.args)} has no filter, and ${wasTakenOff ? 'the first process above it' : 'the container'} has one`,
        evidence: [held, usual, process],
      }
    }
  },
})
