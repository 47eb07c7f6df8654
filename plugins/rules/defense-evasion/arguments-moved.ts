import { defineRule, need, quote } from 'salvor'
import processes from '../../processes/processes.js'
import userStacks from '../../processes/user-stacks.js'

/** The service manager, which renames its helpers so (rename_process(), src/basic/process-util.c of systemd). */
const MANAGER = /^\/(?:usr\/)?lib\/systemd\//

export default defineRule({
  name: 'arguments-moved',
  title: 'A process had the kernel show another command line',
  means:
    'The kernel puts a command line on the stack, and /proc shows what lies there. Here it was told to show other memory ' +
    '(PR_SET_MM_ARG_START): what ps prints is what the process wrote there itself. It takes rights that few programs have.',
  next: [
    'Read with memory-dump what lies at the bottom of its stack: the command line that it was started with',
    'Write out its program with elf-dump and hash it',
  ],
  tactic: 'defense-evasion',
  attack: ['T1036.011'],
  severity: 'medium',
  confidence: 'medium',
  reads: { stacks: need(userStacks), processes: need(processes) },
  *find({ stacks, processes }) {
    for (const thread of stacks.rows) {
      if (thread.tid !== thread.pid || thread.arguments === null || thread.arguments_path === '[stack]') continue
      // In no mapping that could be read: of a host that went on that says nothing, and no command line can be shown of it.
      if (thread.arguments_permissions === null) continue
      const [process] = processes.where('pid', thread.pid)
      if (process === undefined || process.state === 'Z') continue
      yield {
        about: process,
        severity: MANAGER.test(process.exe ?? '') ? 'info' : 'medium',
        summary: `The command line ${quote(process.args)} of ${quote(process.exe)} lies in ${quote(thread.arguments_path ?? 'memory of its own')}`,
        evidence: [thread, process],
      }
    }
  },
})
