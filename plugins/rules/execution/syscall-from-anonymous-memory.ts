import { defineRule, need, quote, runtimeCopy } from 'salvor'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'
import userStacks from '../../processes/user-stacks.js'

/** What the kernel itself maps for programs to run. */
const OF_KERNEL = /^\[(?:vdso|vsyscall|uprobes)\]$/
const NO_FILE = /^(?:\[|\/?memfd:|\/dev\/zero|\/SYSV)/

export default defineRule({
  name: 'syscall-from-anonymous-memory',
  title: 'A thread waits in the kernel for code that is of no file',
  means:
    'Programs call the kernel through their libraries. Code that was written into memory and calls it itself is what is ' +
    'injected or unpacked; just-in-time compilers make code too, but leave these calls to libraries. A runtime that starts a container ' +
    'runs from a sealed copy of itself, and is left out where its bytes are those of the installed one.',
  next: [
    'Look at the code with injected-memory, and write it out with memory-dump',
    'See the whole process with process-dump, and its connections in sockets',
  ],
  tactic: 'execution',
  attack: ['T1055', 'T1106'],
  severity: 'high',
  confidence: 'medium',
  reads: { stacks: need(userStacks), processes: need(processes), programs: need(memoryPrograms) },
  *find({ stacks, processes, programs }) {
    /** Of its own program, which is a copy of a runtime, or as far as that can be told. */
    const isRuntime = ({ pid, ...thread }: (typeof stacks.rows)[number]) => {
      const process = processes.where('pid', pid)[0]
      if (process === undefined || thread.instruction_path !== process.exe) return false
      if (thread.instruction_sealed !== true || thread.instruction_permissions?.includes('w') !== false) return false
      return runtimeCopy(processes, programs, process) !== null
    }
    for (const thread of stacks.rows) {
      const { instruction_path: path, instruction_permissions: permissions } = thread
      if (thread.syscall === null || permissions === null || !permissions.includes('x')) continue
      if (path !== null && (OF_KERNEL.test(path) || !NO_FILE.test(path))) continue
      if (isRuntime(thread)) continue
      yield {
        about: thread,
        severity: permissions.includes('w') ? 'high' : 'medium',
        summary: `Thread ${thread.tid} is in system call ${thread.syscall} for code in ${path === null ? 'memory without a name' : quote(path)}`,
        evidence: [thread],
      }
    }
  },
})
