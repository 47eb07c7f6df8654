import { defineRule, isDebugger, need, quote } from 'salvor'
import traceEvents from '../../kernel/trace-events.js'
import injectedMemory from '../../memory/injected-memory.js'
import processes from '../../processes/processes.js'
import ptrace from '../../processes/ptrace.js'

/** Libraries of graphics drivers and of agents that measure write to their own code. */
const CHANGE_THEMSELVES = /\/lib(?:nvidia|GLX?_?nvidia|EGL_nvidia|GLcore|cuda|lttng|dynamorio|frida)[\w.-]*\.so/

export default defineRule({
  name: 'changed-code',
  title: 'The code of a program or library differs in memory from its file',
  means:
    'Pages of it were written to in this process: a function was redirected, or other code was put over it. Debuggers ' +
    'and probes do so at single places.',
  next: ['Compare what elf-dump writes with the file', 'See in ptrace and trace-events whether somebody debugs it'],
  tactic: 'defense-evasion',
  attack: ['T1055', 'T1574'],
  severity: 'medium',
  confidence: 'medium',
  reads: {
    injected: need(injectedMemory),
    processes: need(processes),
    ptrace: need(ptrace),
    events: need(traceEvents),
  },
  *find({ injected, processes, ptrace, events }) {
    const probed = new Set(events.where('kind', 'breakpoint').map(({ target }) => target))
    for (const memory of injected.rows) {
      if (!memory.reasons?.includes('changed') || CHANGE_THEMSELVES.test(memory.path ?? '')) continue
      if (memory.path !== null && probed.has(memory.path)) continue
      const process = processes.where('pid', memory.pid)[0]
      const tracers = ptrace.where('pid', memory.pid).flatMap(({ tracer_pid }) => processes.where('pid', tracer_pid))
      const isDebugged = tracers.some((tracer) => isDebugger(tracer))
      yield {
        about: memory,
        severity: isDebugged ? 'low' : memory.reasons.includes('writable') ? 'high' : 'medium',
        summary: `${memory.changed_pages ?? 'Some'} pages of ${quote(memory.path)} are changed in ${quote(process?.args ?? memory.comm)}`,
        evidence: [memory],
      }
    }
  },
})
