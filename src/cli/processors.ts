/** The processors of this machine: which of them a batch is kept to that is not to take all. */

import { readdirSync, readFileSync } from 'node:fs'
import { native } from '../kernel/native.js'

/** One that this process may use. */
export interface Processor {
  readonly number: number
  /** What it has in common with the others of its core. */
  readonly core: string
  /** Against the others of this machine, in no unit; 0 where the system does not tell. */
  readonly speed: number
  /** How many other processes are kept to it, or to few with it among them. */
  readonly taken: number
}

const SYSTEM = '/sys/devices/system/cpu'

/** The numbers of a list as the kernel writes it, such as 0-3,8 (proc_pid_status(5), cpuset(7)). */
export function numbersOf(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    // A process that has ended, or what this machine does not tell.
    return undefined
  }
}

/** The list of the processors that a process may use; none for a thread of the kernel, which has no memory. */
function listOf(process: string): string | undefined {
  const status = read(`/proc/${process}/status`) ?? ''
  return /^VmSize:/m.test(status) ? /^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1] : undefined
}

/** The numbers of the processors that this process may use. */
export function allowedProcessors(): number[] {
  return numbersOf(listOf('self') ?? '0')
}

/** Of each processor that this process may use, what tells them apart. */
function processors(): readonly Processor[] {
  const allowed = allowedProcessors()
  const taken = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const list = /^\d+$/.test(name) ? listOf(name) : undefined
    const numbers = list === undefined ? [] : numbersOf(list)
    if (numbers.length < allowed.length) for (const number of numbers) taken.set(number, (taken.get(number) ?? 0) + 1)
  }
  return allowed.map((number) => {
    const at = (name: string): string | undefined => read(`${SYSTEM}/cpu${number}/${name}`)
    return {
      number,
      core: at('topology/thread_siblings_list') ?? String(number),
      speed: Number(at('cpu_capacity') ?? at('cpufreq/cpuinfo_max_freq') ?? 0),
      taken: taken.get(number) ?? 0,
    }
  })
}

/**
 * So many of them: what nobody else is kept to before what somebody is, fast ones before slow ones, one of each core before
 * the second of any. What is left is for chance to decide, so that two that choose at once seldom choose the same.
 */
export function chosen(
  count: number,
  from: readonly Processor[],
  random: () => number = Math.random,
): readonly number[] {
  const cores = new Map<string, number>()
  return from
    .map((processor) => ({ ...processor, chance: random() }))
    .sort((left, right) => left.taken - right.taken || right.speed - left.speed || left.chance - right.chance)
    .map((processor) => {
      const before = cores.get(processor.core) ?? 0
      cores.set(processor.core, before + 1)
      return { ...processor, before }
    })
    .sort((left, right) => left.taken - right.taken || left.before - right.before)
    .slice(0, count)
    .map(({ number }) => number)
}

/** Keeps this process, and what it starts from now on, to so many of the processors that it may use, if there are more. */
export function keepTo(count: number): void {
  const all = processors()
  if (count < all.length) native.keepToProcessors([...chosen(count, all)])
}
