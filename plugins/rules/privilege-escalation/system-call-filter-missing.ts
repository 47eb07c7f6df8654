import { defineRule, isRuntimeStep, need, quote } from 'salvor'
import credentials from '../../processes/credentials.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'system-call-filter-missing',
  title: 'A process lacks the system call filter that its container has',
  means:
    'A filter is handed down and cannot be taken off: the process was started from outside without one (an exec with ' +
    '--privileged), or where its parent has the filter, the kernel was changed to take it off.',
  next: [
    'See in process-tree who started it',
    'Where its parent has the filter, look at kernel-hooks, modules and bpf-programs',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611', 'T1562.001'],
  severity: 'medium',
  confidence: 'high',
  reads: { credentials: need(credentials), processes: need(processes) },
  *find({ credentials, processes }, known) {
    for (const held of credentials.where('seccomp', 'disabled')) {
      const first = known.container(held.container)?.init_pid ?? null
      const usual = first === null ? undefined : credentials.where('pid', first)[0]
      const process = processes.where('pid', held.pid)[0]
      if (usual?.seccomp !== 'filter' || process === undefined || isRuntimeStep(processes, process)) continue
      const parent = credentials.where('pid', process.ppid)[0]
      const wasTakenOff = parent?.seccomp === 'filter' && parent.container === held.container
      yield {
        about: held,
        severity: wasTakenOff ? 'critical' : 'medium',
        summary: `${quote(process.args)} has no filter, and ${wasTakenOff ? 'its parent' : 'the container'} has one`,
        evidence: [held, wasTakenOff ? parent : usual, process],
      }
    }
  },
})
