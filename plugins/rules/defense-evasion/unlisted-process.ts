import { defineRule, need, quote } from 'salvor'
import processScan from '../../processes/process-scan.js'

export default defineRule({
  name: 'unlisted-process',
  title: 'A live process that no list of the kernel has',
  means:
    'Its task is in memory, and no list leads to it: a rootkit took it off all of them, so that nothing on the host shows it.',
  next: [
    'Write what is in its memory out by its address with page-owner and search: tables that begin with lists lack it',
    'Look for what hides it: kernel-hooks, modules, bpf-programs',
  ],
  tactic: 'defense-evasion',
  attack: ['T1014', 'T1564'],
  severity: 'critical',
  confidence: 'high',
  reads: { scan: need(processScan) },
  *find({ scan }) {
    for (const task of scan.where('unlisted', 'hidden')) {
      yield {
        about: task,
        summary: `${quote(task.args?.length ? task.args : task.comm)} from ${quote(task.exe)} is on no list`,
        evidence: [task],
      }
    }
  },
})
