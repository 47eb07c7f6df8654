import { defineRule, need, quote } from 'salvor'
import processes from '../../processes/processes.js'

/** What ps shows of kernel threads: the name in brackets, and no arguments. */
const BRACKETS = /^\[[\w:/.+@-]{1,40}\]?$/
/** Names that the kernel gives its threads, before their numbers. */
const NAMES =
  /^(?:kworker\/|kswapd\d|ksoftirqd\/|kthreadd$|kthrotld$|migration\/|rcu_|rcub\/|rcuc\/|rcuo[ps]\/|cpuhp\/|kdevtmpfs$|kauditd$|khungtaskd$|khugepaged$|kcompactd\d|ksmd$|kblockd$|kintegrityd$|watchdogd$|jbd2\/|xfsaild\/|irq\/\d|scsi_eh_|idle_inject\/|oom_reaper$|writeback$|bioset$|netns$|kstrp$|zswap-shrink$|ext4-rsv-conver|pool_workqueue_)/

export default defineRule({
  name: 'kernel-thread-masquerade',
  title: 'A process calls itself like a thread of the kernel',
  means:
    'Threads of the kernel have no program and no memory of their own. A process that takes such a name wants to be ' +
    'overlooked in a list.',
  next: ['Write its program with elf-dump and hash it', 'See what it has open and connected, and who started it'],
  tactic: 'defense-evasion',
  attack: ['T1036.004'],
  severity: 'high',
  confidence: 'high',
  reads: { processes: need(processes) },
  *find({ processes }) {
    for (const process of processes.rows) {
      if (process.kernel_thread !== false || process.exe === null) continue
      const called = process.args?.[0] ?? ''
      const inBrackets = BRACKETS.test(called)
      if (!inBrackets && !NAMES.test(process.comm ?? '') && !NAMES.test(called)) continue
      yield {
        about: process,
        summary: `${quote(process.exe)} calls itself ${quote(inBrackets || called === '' ? called || process.comm : process.comm)}`,
        evidence: [process],
      }
    }
  },
})
