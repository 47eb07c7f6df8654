import { defineRule, need, quote } from 'salvor'
import userStacks from '../../processes/user-stacks.js'

/** Memory that a program got for itself may be a stack: of threads and coroutines. */
const OWN = /^(?:\[|\/?memfd:|\/dev\/zero|\/SYSV|anon_inode:|\/anon_hugepage)/

export default defineRule({
  name: 'stack-elsewhere',
  title: 'A thread has its stack in a file’s mapping',
  means:
    'Exploits move the stack pointer to data that they control, to run pieces of the program one after another. Stacks of ' +
    'honest threads lie in memory of their own.',
  next: [
    'See with memory-maps what is mapped there, and read it with memory-dump',
    'See what the process has open and connected',
  ],
  tactic: 'execution',
  attack: ['T1203'],
  severity: 'medium',
  confidence: 'medium',
  reads: { stacks: need(userStacks) },
  *find({ stacks }) {
    for (const thread of stacks.rows) {
      const { stack_path: path, stack_permissions: permissions } = thread
      if (path === null || permissions === null || OWN.test(path)) continue
      yield {
        about: thread,
        severity: permissions.includes('w') ? 'medium' : 'high',
        summary: `The stack pointer of thread ${thread.tid} leads into ${quote(path)} (${permissions})`,
        evidence: [thread],
      }
    }
  },
})
