import { defineAnalyzer, integer, isoTime, text, time } from 'salvor'
import { bootTime, readLog } from 'salvor/kernel'

/** KERN_EMERG to KERN_DEBUG (include/linux/kern_levels.h), as dmesg(1) calls them. */
const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug']
/** From LOG_KERN on (syslog(3)), as dmesg(1) calls them. */
const FACILITIES = 'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp'.split(' ')
/** LOG_LOCAL0. */
const FIRST_LOCAL = 16

export default defineAnalyzer({
  name: 'kernel-log',
  aliases: ['dmesg', 'kmsg'],
  summary: "The kernel's log, record by record",
  description:
    'What /dev/kmsg would give, from the ring that the kernel writes to. Its oldest records may be overwritten: the first ' +
    'sequence number says how many. Times are those of the boot plus the seconds that the record has; while a machine ' +
    'slept its clock of records stood still.',
  torn: 'a record that was in the ring throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor kernel-log memory.elf', what: 'all that the kernel said' },
    { command: 'salvor kernel-log memory.elf --where level=err', what: 'its errors' },
  ],
  key: ['sequence'],
  columns: {
    sequence: integer('Which record it is, counted from 0 at the start', { detail: true }),
    time: time('When it was written'),
    seconds: text('Seconds since the start, as dmesg shows them', { detail: true }),
    level: text('emerg, alert, crit, err, warn, notice, info or debug'),
    facility: text("Whose it is: kern, or what a program says in the kernel's log", { detail: true }),
    caller: text('Who wrote it: T and a thread id, C and a processor', { detail: true }),
    device: text('Which device it is about, as /dev/kmsg has it', { detail: true }),
    text: text('What it says'),
  },
  async *run({ kernel }) {
    const boot = bootTime(kernel)
    yield readLog(kernel).map(({ nanoseconds, level, facility, ...record }) => ({
      ...record,
      time: boot === null || nanoseconds === null ? null : isoTime(boot + nanoseconds),
      seconds: nanoseconds === null ? null : secondsOf(nanoseconds),
      level: level === null ? null : (LEVELS[level] ?? String(level)),
      facility: facility === null ? null : facilityOf(facility),
    }))
  },
})

function facilityOf(number: number): string {
  return FACILITIES[number] ?? (number >= FIRST_LOCAL ? `local${number - FIRST_LOCAL}` : String(number))
}

/** Microseconds are cut, not rounded, as the kernel does it. */
function secondsOf(nanoseconds: bigint): string {
  const microseconds = nanoseconds / 1000n
  return `${microseconds / 1_000_000n}.${String(microseconds % 1_000_000n).padStart(6, '0')}`
}
