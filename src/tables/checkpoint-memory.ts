/** Memory of processes as an archive of a checkpoint has it. */

import { append } from '../append.js'
import { shownCall } from '../containers/checkpoint/call.js'
import type { CheckpointMemory } from '../containers/checkpoint/criu.js'
import type { TarWriter } from '../containers/checkpoint/tar.js'
import type { Kernel } from '../kernel/kernel.js'
import { type Mapping, readMappings } from '../kernel/mappings.js'
import { ProcessMemory, type Range } from '../kernel/user-memory.js'
import type { PlacedTask } from './task.js'

/** Members of `mm_struct` in the order of `mm_entry`. */
const PLACES = [
  ...['start_code', 'end_code', 'start_data', 'end_data', 'start_stack', 'start_brk', 'brk'],
  ...['arg_start', 'arg_end', 'env_start', 'env_end'],
] as const
/** Those of arguments and environment. */
const CALL = ['arg_start', 'arg_end', 'env_start', 'env_end'] as const
/** Bytes of these that are looked at; what is started with more is rare (ARG_MAX is 2 MiB). */
const MOST_OF_CALL = 4n << 20n
/** Pages beyond those of the image: many addresses may share one, but tables that lie lead to any number. */
const MORE_PAGES = 1 << 20

/** That of a process of which nothing is left. */
export const NO_MEMORY: CheckpointMemory = { places: PLACES.map(() => 0n), exe: '', areas: [], runs: [] }

/** Memory of processes on its way into an archive. */
export class Memories {
  readonly #kernel: Kernel
  readonly #places = new Map<bigint, bigint[]>()
  readonly #mappings = new Map<bigint, Mapping[]>()
  readonly #runs = new Map<bigint, CheckpointMemory['runs']>()
  readonly #whole: boolean
  #left: number

  /** `whole` is all memory that no file has; else only the pages of arguments and environments. */
  constructor(kernel: Kernel, tasks: readonly PlacedTask[], whole: boolean) {
    this.#kernel = kernel
    this.#whole = whole
    this.#left = kernel.pages + MORE_PAGES
    const addresses = tasks.map(({ address }) => address)
    const select = Object.fromEntries(PLACES.map((name) => [name, `mm->${name}`]))
    const batch = kernel.at(addresses, 'struct task_struct').select(select)
    for (const [row, address] of addresses.entries()) {
      this.#places.set(
        address,
        PLACES.map((name) => batch.column(name).bigint(row) ?? 0n),
      )
    }
    for (const mapping of readMappings(kernel, addresses)) append(this.#mappings, mapping.task, mapping)
  }

  /** Without areas for a process that has none: readers ask for each one's images. */
  of({ address, exe }: PlacedTask): CheckpointMemory {
    const places = this.#places.get(address) ?? NO_MEMORY.places
    const memory = ProcessMemory.of(this.#kernel, address)
    const areas = (this.#mappings.get(address) ?? []).flatMap(({ start, end, permissions, offset, path }) =>
      start === null || end === null || permissions === null ? [] : [{ start, end, permissions, offset, path }],
    )
    const own = areas.filter(isOwn)
    const wanted = this.#whole ? own : own.flatMap((area) => this.#ofCall(area, places))
    const runs = memory === null ? [] : wanted.flatMap((area) => this.#present(memory, area))
    this.#runs.set(address, runs)
    return { places: memory === null ? places : this.#asShown(memory, places), exe: exe ?? '', areas, runs }
  }

  /** What of an area has arguments or the environment in it, in whole pages. */
  #ofCall({ start, end }: Range, places: readonly bigint[]): Range[] {
    const page = BigInt(this.#kernel.info.page_size)
    const [first = 0n, last = 0n] = [places[PLACES.indexOf('arg_start')], places[PLACES.indexOf('env_end')]]
    const from = later(start, first - (first % page))
    const until = earlier(end, last + ((page - (last % page)) % page))
    return from < until ? [{ start: from, end: until }] : []
  }

  /** Places as a reader of arguments and environments wants them; where both lie elsewhere, or are long, as they are. */
  #asShown(memory: ProcessMemory, places: readonly bigint[]): bigint[] {
    const [start, end, from, until] = CALL.map((name) => places[PLACES.indexOf(name)] ?? 0n) as [
      bigint,
      bigint,
      bigint,
      bigint,
    ]
    if (!(start < end && end <= from && from <= until) || until - start > MOST_OF_CALL) return [...places]
    const bytes = Buffer.alloc(Number(until - start))
    for (const piece of memory.read(start, bytes.length))
      if ('bytes' in piece) bytes.set(piece.bytes, Number(piece.address - start))
    const shown = shownCall(bytes, Number(end - start), Number(from - start))
    const moved = new Map(CALL.map((name, place) => [PLACES.indexOf(name), start + BigInt(shown[place] ?? 0)]))
    return places.map((value, place) => moved.get(place) ?? value)
  }

  #present(memory: ProcessMemory, { start, end }: Range): { address: bigint; pages: number }[] {
    const runs: { address: bigint; pages: number }[] = []
    for (const { address, length, state } of memory.pages({ start, end })) {
      const pages = Math.floor(length / this.#kernel.info.page_size)
      if (state !== 'present' || pages === 0) continue
      if (pages > this.#left) {
        this.#kernel.warn({ code: 'cap', message: 'more memory of processes than an archive takes', count: 1 })
        return runs
      }
      this.#left -= pages
      runs.push({ address, pages })
    }
    return runs
  }

  /** The file of pages of a process, by its number, and its size in bytes; what cannot be read by now is zeros. */
  async writePages(tar: TarWriter, { address }: PlacedTask, id: number): Promise<number> {
    const [runs, memory] = [this.#runs.get(address) ?? [], ProcessMemory.of(this.#kernel, address)]
    const size = runs.reduce((sum, { pages }) => sum + pages * this.#kernel.info.page_size, 0)
    await tar.contents({ path: `checkpoint/pages-${id}.img`, type: 'File', mode: 0o600 }, size, async (put) => {
      let at = 0
      if (memory === null) return
      for (const run of runs) {
        for (const piece of memory.read(run.address, run.pages * this.#kernel.info.page_size)) {
          if ('bytes' in piece) put(piece.bytes, at)
          at += piece.length
        }
      }
    })
    return size
  }
}

/** What no file has: memory without one, and what a process may have changed of a file for itself. */
function isOwn({
  permissions,
  offset,
  path,
}: {
  permissions: string
  offset: bigint | null
  path: string | null
}): boolean {
  if (!permissions.endsWith('p') || path === '[vvar]' || path === '[vsyscall]') return false
  return offset === null || permissions.includes('w')
}

function later(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}

function earlier(one: bigint, other: bigint): bigint {
  return one < other ? one : other
}
