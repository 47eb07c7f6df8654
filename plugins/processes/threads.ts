import { defineAnalyzer } from 'salvor'
import { listedPlacedTasks, taskRows, threadColumns } from 'salvor/containers'

export default defineAnalyzer({
  name: 'threads',
  summary: 'Threads of every process, with the same identity as `processes` gives',
  torn: 'a thread that was there throughout is one row, right in each cell that is not null; one that came or went meanwhile may be missing.',
  examples: [{ command: 'salvor threads memory.elf --pid 236', what: 'the threads of one process' }],
  columns: threadColumns,
  key: ['pid', 'tid', 'started'],
  async *run({ kernel }) {
    yield taskRows(threadColumns, listedPlacedTasks(kernel))
  },
})
