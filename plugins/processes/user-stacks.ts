import { address, defineAnalyzer, flag, integer, text } from 'salvor'
import { containerNames, listedPlacedTasks, memberColumns, ownerOf } from 'salvor/containers'
import { isLeader, mappingFinder, readCommandLines, readSealed, readUserRegisters } from 'salvor/kernel'

/** A file of memfd_create, as /proc/PID/maps has it (mm/memfd.c). */
const MEMFD = /^\/memfd:/

export default defineAnalyzer({
  name: 'user-stacks',
  aliases: ['info-regs', 'process-stack'],
  summary: 'Where every thread goes on in user mode, and what its instruction and stack pointer lie in',
  description:
    'From the registers that a thread left when it came into the kernel. An instruction without a file, or in memory that ' +
    'can be written, is code that no program has; a stack pointer that lies in a file or in the heap was moved there. A ' +
    'thread that was on a processor has left none, and none is shown.',
  torn: 'a thread that slept throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor user-stacks memory.elf --pid 236', what: 'the threads of one process' },
    { command: 'salvor user-stacks memory.elf --sort instruction_path', what: 'by what they run; without a file last' },
  ],
  key: ['tid'],
  columns: {
    tid: integer('Thread id', { meaning: 'tid' }),
    ...memberColumns,
    comm: text('Name of the thread'),
    instruction: address('Where it goes on'),
    instruction_path: text('File or area that it goes on in; null for memory without a name', { meaning: 'path' }),
    instruction_permissions: text('Permissions of that memory, as r-xp; null where nothing is mapped'),
    instruction_sealed: flag('Of a memfd that it goes on in, whether nobody can change that any more', {
      detail: true,
    }),
    stack_pointer: address('Its stack pointer'),
    stack_path: text('File or area that its stack pointer lies in; null for memory without a name', {
      meaning: 'path',
    }),
    stack_permissions: text('Permissions of that memory, as rw-p; null where nothing is mapped'),
    arguments: address('Where /proc has its command line from; of the main thread alone', { detail: true }),
    arguments_path: text('File or area that its command line lies in: [stack], unless it was moved', {
      meaning: 'path',
      detail: true,
    }),
    arguments_permissions: text('Permissions of that memory; null where nothing is mapped', { detail: true }),
    syscall: integer('Number of the system call that it is in; null where it was interrupted', { detail: true }),
    running: flag('Whether it was on a processor', { detail: true }),
  },
  async *run({ kernel }) {
    const names = containerNames(kernel)
    const tasks = listedPlacedTasks(kernel)
    const threads = new Map(tasks.map((task) => [task.address, task]))
    const leaders = new Map(tasks.filter(isLeader).map(({ pid, address }) => [pid, address]))
    const find = mappingFinder(kernel, [...leaders.values()])
    const commandLines = readCommandLines(kernel, [...leaders.values()])
    const found = readUserRegisters(kernel, [...threads.keys()])
    const codeOf = ({ task, instruction }: { task: bigint; instruction: bigint | null }) =>
      find(leaders.get(threads.get(task)?.pid ?? null) ?? task, instruction)
    const memfds = found.flatMap((registers) => codeOf(registers) ?? []).filter(({ path }) => MEMFD.test(path ?? ''))
    const sealed = readSealed(kernel, [...new Set(memfds.map(({ address }) => address))])
    yield found.flatMap(({ task, all: _, ...registers }) => {
      const thread = threads.get(task)
      if (thread === undefined) return []
      const { tid, pid, comm, container } = thread
      const leader = leaders.get(pid) ?? task
      const [code, stack] = [codeOf({ task, ...registers }), find(leader, registers.stack_pointer)]
      const line = commandLines.get(task) ?? null
      const around = line === null ? null : find(task, line)
      return {
        ...{ tid, pid, comm, ...ownerOf(container, names), ...registers },
        instruction_path: code?.path ?? null,
        instruction_permissions: code?.permissions ?? null,
        instruction_sealed: sealed.get(code?.address ?? 0n) ?? null,
        stack_path: stack?.path ?? null,
        stack_permissions: stack?.permissions ?? null,
        arguments: line,
        arguments_path: around?.path ?? null,
        arguments_permissions: around?.permissions ?? null,
      }
    })
  },
})
