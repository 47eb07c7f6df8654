import { count, defineAnalyzer, Rows, text } from 'salvor'
import { branchesOf, containerRows, listedPlacedTasks, processTree, taskColumns, taskRows } from 'salvor/containers'
import { isLeader, sessionsBehind } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'process-tree',
  aliases: ['pstree'],
  summary: 'Processes in the order of their descent, with how deep each one is',
  description:
    'The rows of `processes`, each below its parent. What comes from pid 1 is first, then what comes from pid 2, then ' +
    'processes whose parent is on no list. What came into a container is told by branches: `entered` is `start` for its ' +
    'first process and what comes from that, `exec` for what docker exec, kubectl exec or the like brought in later, and ' +
    'what comes from it. It is null on the host, and where an orphan of the container would look the same: with a parent ' +
    'in its own pid namespace, as in a container that shares the host’s, and not at a terminal behind which that parent ' +
    'stands; or where the first process is not known. In a table for people `comm` is indented by `depth`.',
  torn: 'a process that was there throughout is one row; where its parent has gone meanwhile it begins a tree of its own.',
  examples: [
    { command: 'salvor process-tree memory.elf --columns depth,pid,comm,container', what: 'who started whom' },
    { command: 'salvor process-tree memory.elf --container shop-web-1', what: 'what came from what in one container' },
    { command: 'salvor process-tree memory.elf --where entered=exec', what: 'what was brought into containers' },
  ],
  key: ['pid', 'started'],
  columns: {
    depth: count('Ancestors that are known'),
    entered: text('How its branch came into the container: start, exec'),
    entered_by: text('Name of the process outside the container from which its branch comes'),
    ...taskColumns,
    comm: { ...taskColumns.comm, indented_by: 'depth' },
  },
  async *run({ kernel }) {
    const nodes = [...processTree(listedPlacedTasks(kernel).filter(isLeader))]
    const rows = taskRows(
      taskColumns,
      nodes.map(({ task }) => task),
    )
    const first = new Map(containerRows(kernel, () => {}).map(({ id, init_pid }) => [id, init_pid]))
    const read = new Map<bigint, ReadonlySet<number>>()
    const behind = (task: bigint) => {
      const sessions = read.get(task) ?? sessionsBehind(kernel, task)
      read.set(task, sessions)
      return sessions
    }
    const branches = branchesOf(nodes, { first, sessionsBehind: ({ address }) => behind(address) })
    yield new Rows(nodes.length, {
      ...rows.columns,
      depth: nodes.map(({ depth }) => depth),
      entered: branches.map(({ entered }) => entered),
      entered_by: branches.map(({ entered_by }) => entered_by),
    })
  },
})
