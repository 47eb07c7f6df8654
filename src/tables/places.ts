/** Places in physical memory as people name them. */

import type { Kernel } from '../kernel/kernel.js'
import { native } from '../kernel/native.js'
import { optionError } from '../option-error.js'
import { membersByMemory } from './pages.js'

/** Pages of one process that are shown. */
const MOST_PAGES = 1 << 20

/** How places are asked for: by physical or virtual addresses, the latter of the kernel or of a process. */
export interface Asked {
  readonly physical: readonly string[]
  readonly virtual: readonly string[]
  readonly process: number | null
}

/** An address, given as `0x…` or in digits. Throws where it is none. */
function addressOf(text: string): bigint {
  const plain = text.trim()
  if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(plain)) throw optionError(`'${text}' is no address: give 0x… or digits`)
  return BigInt.asUintN(64, BigInt(plain))
}

function addresses(texts: readonly string[]): bigint[] {
  return texts.flatMap((text) => text.split(',')).map(addressOf)
}

/** The physical addresses that are asked for. What is mapped nowhere is left out, and told. */
export function placesOf(kernel: Kernel, { physical, virtual, process }: Asked): bigint[] {
  const asked = addresses(virtual)
  const found = process === null ? asked.map((address) => kernel.physical(address)) : inProcess(kernel, process, asked)
  const there = found.filter((place): place is bigint => place !== null)
  const lost = found.length - there.length
  if (lost > 0) kernel.warn({ code: 'unreadable', message: 'nothing is mapped at a virtual address', count: lost })
  return [...addresses(physical), ...there]
}

/** Where a process has its memory: at some addresses, or all of it. */
function inProcess(kernel: Kernel, pid: number, asked: readonly bigint[]): (bigint | null)[] {
  const [mm] = [...membersByMemory(kernel)].find(([, member]) => member.pid === pid) ?? []
  if (mm === undefined) throw optionError(`there is no process ${pid} with memory of its own`)
  if (asked.length > 0) return asked.map((address) => runs(kernel, mm, address, address + 1n)[0]?.at(address) ?? null)
  const size = kernel.info.page_size
  const pages = runs(kernel, mm, 0n, (1n << 64n) - 1n).flatMap(({ physical, length }) =>
    Array.from({ length: Math.min(length / size, MOST_PAGES) }, (_, page) => physical + BigInt(page * size)),
  )
  const once = [...new Set(pages)]
  return once.slice(0, kernel.capped('pages of a process', once.length, MOST_PAGES))
}

interface Run {
  physical: bigint
  length: number
  /** The physical address of one of its virtual ones. */
  at: (address: bigint) => bigint
}

function runs(kernel: Kernel, mm: bigint, start: bigint, end: bigint): Run[] {
  const maps = native.processMaps(kernel.id, mm, start, end)
  if (maps === null || maps.lost > 0) {
    kernel.warn({ code: 'unreadable', message: "some of a process's page tables are not in the image" })
  }
  const flat = maps?.runs ?? new BigUint64Array()
  return Array.from({ length: flat.length / 3 }, (_, row) => {
    const [physical = 0n, address = 0n, length = 0n] = flat.subarray(row * 3, row * 3 + 3)
    return { physical, length: Number(length), at: (wanted) => physical + wanted - address }
  })
}
