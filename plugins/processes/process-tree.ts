import { count, defineAnalyzer, Rows } from 'salvor'
import { listedPlacedTasks, processTree, taskColumns, taskRows } from 'salvor/containers'
import { isLeader } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'process-tree',
  aliases: ['pstree'],
  summary: 'Processes in the order of their descent, with how deep each one is',
  description:
    'The rows of `processes`, each below its parent. What comes from pid 1 is first, then what comes from pid 2, then ' +
    'processes whose parent is on no list.',
  torn: 'a process that was there throughout is one row; where its parent has gone meanwhile it begins a tree of its own.',
  examples: [
    { command: 'salvor process-tree memory.elf --columns depth,pid,comm,container', what: 'who started whom' },
    { command: 'salvor process-tree memory.elf --container shop-web-1', what: 'what came from what in one container' },
  ],
  key: ['pid', 'started'],
  columns: { depth: count('Ancestors that are known'), ...taskColumns },
  async *run({ kernel }) {
    const nodes = [...processTree(listedPlacedTasks(kernel).filter(isLeader))]
    const rows = taskRows(
      taskColumns,
      nodes.map(({ task }) => task),
    )
    yield new Rows(nodes.length, { ...rows.columns, depth: nodes.map(({ depth }) => depth) })
  },
})
