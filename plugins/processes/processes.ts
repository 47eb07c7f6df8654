import { defineAnalyzer } from 'salvor'
import { listedPlacedTasks, taskColumns, taskRows } from 'salvor/containers'
import { isLeader } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'processes',
  aliases: ['pslist', 'ps', 'psaux', 'pidhashtable', 'process-spoofing'],
  summary: 'Processes, with the namespaces and the container each one runs in',
  description:
    'Every thread group leader that the task list, the pid IDR or a thread list knows. A process that only some of ' +
    'them know was taken off the others: `found_by` tells which views agree.',
  torn: 'a process that was there throughout is one row, right in each cell that is not null. One that came or went meanwhile may be missing. Nothing is a row that its own struct pid and leader do not bear out.',
  examples: [
    { command: 'salvor processes memory.elf', what: 'all processes' },
    { command: 'salvor processes memory.elf --container 018e0db6fd22', what: 'what runs in one container' },
    { command: 'salvor processes memory.elf --format ndjson', what: 'one JSON object per line, for a pipe' },
  ],
  columns: taskColumns,
  key: ['pid', 'started'],
  async *run({ kernel }) {
    yield taskRows(taskColumns, listedPlacedTasks(kernel).filter(isLeader))
  },
})
