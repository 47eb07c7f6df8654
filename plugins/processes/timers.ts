import { address, count, defineAnalyzer, flag, integer, text, time } from 'salvor'
import { listedPlacedTasks, memberColumns, readMembers } from 'salvor/containers'
import { isLeader, readTimers } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'timers',
  aliases: ['timer', 'hrtimers'],
  summary: 'What processes wait for by the clock: POSIX and interval timers, timerfds and sleeping threads',
  description:
    'A program that beacons or comes back at a set time has one. `sleep` is a thread that the kernel wakes at a moment ' +
    '(nanosleep, or a wait with a limit), found on the queues of the processors’ clocks.',
  torn: 'a timer that stayed armed throughout is one row; one that went off meanwhile may be missing.',
  examples: [
    { command: 'salvor timers memory.elf --container shop-web-1', what: 'the timers of one container' },
    { command: 'salvor timers memory.elf --sort expires', what: 'who goes on next' },
  ],
  columns: {
    address: address('Address of the hrtimer, k_itimer, cpu_itimer or timerfd_ctx', { detail: true }),
    tid: integer('Id of the thread that sleeps; of other timers that of the process', { meaning: 'tid' }),
    ...memberColumns,
    kind: text('posix, itimer-real, itimer-virtual, itimer-prof, timerfd or sleep'),
    id: integer('Number of a POSIX timer, or descriptor of a timerfd'),
    clock: text('REALTIME, MONOTONIC, BOOTTIME …, as CLOCK_…'),
    armed: flag('Whether it will go off', { detail: true }),
    expires: time('When it goes off next; null where its clock counts something else than time'),
    expires_ns: integer('The same on its own clock, in nanoseconds', { detail: true }),
    interval_ns: integer('Nanoseconds between one time and the next; 0 for one that goes off once'),
    signal: integer('Signal that it sends', { detail: true }),
    ticks: count('How often it went off since it was last read, or beyond what was delivered', { detail: true }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    const tasks = new Map(listedPlacedTasks(kernel).map((task) => [task.address, task]))
    const leaders = new Map([...tasks.values()].filter(isLeader).map((task) => [task.pid, task.address]))
    const rows = readTimers(kernel, [...members.keys()]).flatMap(({ task, ...timer }) => {
      const thread = tasks.get(task)
      const member = members.get(leaders.get(thread?.pid ?? null) ?? 0n)
      return thread === undefined || member === undefined ? [] : [Object.assign(timer, member, { tid: thread.tid })]
    })
    yield rows.sort((left, right) => (left.pid ?? 0) - (right.pid ?? 0) || (left.tid ?? 0) - (right.tid ?? 0))
  },
})
