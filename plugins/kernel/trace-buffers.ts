import { count, defineAnalyzer, integer, isoTime, text, time } from 'salvor'
import { containerColumns, containerNames, listedPlacedTasks, ownerOf } from 'salvor/containers'
import { bootTime, readTraceBuffers } from 'salvor/kernel'

/** Places of the scheduler's clock and of boot's among trace_clocks (kernel/trace/trace.c): local, global, perf, boot. */
const SINCE_BOOT: ReadonlySet<number | null> = new Set([0, 1, 4, 7])

export default defineAnalyzer({
  name: 'trace-buffers',
  aliases: ['ftrace-buffer', 'trace'],
  summary: "Events in ftrace's buffers that nobody has read, with who did them",
  description:
    "What /sys/kernel/tracing/trace would show of every instance, by the event's name: its fields are not read. Whoever " +
    'watches a system by ftrace leaves them there, and so does a rootkit that hooks by it.',
  torn: 'an event may be missing or, where its page was being written over, be one of another moment.',
  examples: [{ command: 'salvor trace-buffers memory.elf', what: 'all events' }],
  columns: {
    instance: text('Instance of tracing; null for the one that is always there'),
    time: time('When it happened; null where the buffer has a clock that does not begin with the boot'),
    nanoseconds: count("The same by the buffer's clock", { detail: true }),
    cpu: integer('Processor'),
    tid: integer('Thread that it happened in', { meaning: 'tid' }),
    comm: text('Name of the thread that has this id now'),
    ...containerColumns,
    event: text('System and name of the event; null where none has its type'),
    type: integer('Number of its type', { detail: true }),
  },
  async *run({ kernel }) {
    const events = readTraceBuffers(kernel)
    const tasks = new Map(listedPlacedTasks(kernel).map((task) => [task.tid, task]))
    const [boot, names] = [bootTime(kernel), containerNames(kernel)]
    yield events.map(({ clock, ...event }) => {
      const task = tasks.get(event.tid)
      return {
        ...event,
        ...ownerOf(task?.container ?? null, names),
        comm: task?.comm ?? null,
        time: boot !== null && SINCE_BOOT.has(clock) ? isoTime(boot + event.nanoseconds) : null,
      }
    })
  },
})
