/** The embedded sample with things changed in it, by the kernel's own addresses. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf } from '../../dist/src/kernel/query.js'
import { sampleImage } from '../../dist/src/sample.js'

const HEADER = 32
const MAGIC = 0x4c694d45
export const PAGE = 4096

/** A range of a LiME file. */
export interface Range {
  header: number
  body: number
  start: bigint
  length: number
}

export function limeRanges(bytes: Buffer): Range[] {
  const ranges: Range[] = []
  for (let header = 0; header + HEADER <= bytes.length; ) {
    const start = bytes.readBigUInt64LE(header + 8)
    const length = Number(bytes.readBigUInt64LE(header + 16) - start) + 1
    ranges.push({ header, body: header + HEADER, start, length })
    header += HEADER + length
  }
  return ranges
}

export const whole = readFileSync(sampleImage())
export const ranges = limeRanges(whole)

/** The sample's kernel, as it was. */
export const kernel = Kernel.open(sampleImage(), { cacheDir: null })
export const intact = Kernel.attach(kernel.id, () => {})

const folder = mkdtempSync(join(tmpdir(), 'salvor-hostile-'))
let files = 0

/** Writes an image and gives its path. */
export function imageFile(bytes: Uint8Array): string {
  const path = join(folder, `${files++}.lime`)
  writeFileSync(path, bytes)
  return path
}

export function removeImages(): void {
  rmSync(folder, { recursive: true, force: true })
}

/** A copy to change. */
export class Edited {
  readonly #bytes = Buffer.from(whole)
  readonly #added: Buffer[] = []
  #room = 0n

  /** Where a kernel virtual address lies in the file. */
  #place(address: bigint): number {
    const physical = intact.physical(address)
    if (physical === null) throw new Error(`0x${address.toString(16)} is not mapped in the sample`)
    return this.#at(physical)
  }

  /** Where a physical address lies in the file. */
  #at(physical: bigint): number {
    const range = ranges.find(({ start, length }) => {
      return physical >= start && physical < start + BigInt(length)
    })
    if (range === undefined) throw new Error(`physical 0x${physical.toString(16)} is not in the sample`)
    return range.body + Number(physical - range.start)
  }

  u64(address: bigint): bigint {
    return this.#bytes.readBigUInt64LE(this.#place(address))
  }

  set(address: bigint, value: bigint): this {
    this.#bytes.writeBigUInt64LE(BigInt.asUintN(64, value), this.#place(address))
    return this
  }

  set32(address: bigint, value: number): this {
    this.#bytes.writeUInt32LE(value, this.#place(address))
    return this
  }

  write(address: bigint, text: string): this {
    this.#bytes.write(text, this.#place(address))
    return this
  }

  /** Writes over the first place where a text is, wherever it lies; both are of one length. */
  replace(old: string, text: string): this {
    const place = this.#bytes.indexOf(old)
    if (place < 0 || Buffer.byteLength(old) !== Buffer.byteLength(text)) throw new Error(`cannot replace ${old}`)
    this.#bytes.write(text, place)
    return this
  }

  /** Makes what lies around an address unreadable: zeroes its page-table entry of a level, or that entry's whole page. */
  unmap(address: bigint, level: number, page: boolean): this {
    const table = this.#table(intact.address('init_top_pgt') ?? 0n, address, level)
    const place = this.#at(table + (page ? 0n : entry(address, level)))
    this.#bytes.fill(0, place, place + (page ? PAGE : 8))
    return this
  }

  /** Zeroes the page of a process in which an address lies. */
  wipe(pgd: bigint, address: bigint): this {
    const place = this.#at(this.#table(pgd, address, -1))
    this.#bytes.fill(0, place, place + PAGE)
    return this
  }

  /** The physical address of the table of a level that maps an address; of level -1, of its page. */
  #table(root: bigint, address: bigint, level: number): bigint {
    let table = (intact.physical(root) ?? 0n) & ~0xfffn
    for (let at = 3; at > level; at--) {
      table = this.#bytes.readBigUInt64LE(this.#at(table + entry(address, at))) & 0xf_ffff_ffff_f000n
    }
    return table
  }

  /** Adds memory that the sample does not have; `fill` gets it with its virtual address in the direct map. */
  add(size: number, fill: (memory: Buffer, address: bigint) => void): bigint {
    const init = member(task(1), 'struct task_struct', '')
    const base = init - (intact.physical(init) ?? 0n)
    // Behind all of the sample's own ranges there is nothing but what is put there.
    const physical = freePhysical(size, this.#room)
    this.#room = physical + BigInt(size)
    const header = Buffer.alloc(HEADER)
    header.writeUInt32LE(MAGIC, 0)
    header.writeUInt32LE(1, 4)
    header.writeBigUInt64LE(physical, 8)
    header.writeBigUInt64LE(physical + BigInt(size) - 1n, 16)
    const memory = Buffer.alloc(size)
    fill(memory, base + physical)
    this.#added.push(header, memory)
    return base + physical
  }

  file(): string {
    return imageFile(Buffer.concat([this.#bytes, ...this.#added]))
  }
}

function entry(address: bigint, level: number): bigint {
  return ((address >> BigInt(12 + 9 * level)) & 511n) * 8n
}

/** A gap between the sample's ranges that the direct map covers. */
function freePhysical(size: number, from: bigint): bigint {
  const init = member(task(1), 'struct task_struct', '')
  const base = init - (intact.physical(init) ?? 0n)
  const ordered = [...ranges].sort((left, right) => (left.start < right.start ? -1 : 1))
  for (let index = 0; index + 1 < ordered.length; index++) {
    const [here, next] = [ordered[index], ordered[index + 1]]
    if (here === undefined || next === undefined) continue
    const start = here.start + BigInt(here.length)
    const mapped =
      intact.physical(base + start) === start && intact.physical(base + next.start - 1n) === next.start - 1n
    if (start >= from && next.start - start >= BigInt(size) && mapped) return start
  }
  throw new Error(`the sample has no gap of ${size} bytes`)
}

/** The address of a member. */
export function member(object: bigint, type: string, path: string): bigint {
  return (
    intact
      .at([object], type)
      .select({ at: addressOf(path) })
      .column('at')
      .bigint(0) ?? 0n
  )
}

/** A member's value. */
export function value(object: bigint, type: string, path: string): bigint {
  return intact.at([object], type).select({ value: path }).column('value').bigint(0) ?? 0n
}

const tasks = intact
  .symbol('init_task', 'struct task_struct')
  .walk({ kind: 'list', head: 'tasks', type: 'struct task_struct', link: 'tasks' })
  .select({ pid: 'pid' })

/** The task of a process, by its id. */
export function task(pid: number): bigint {
  for (let row = 0; row < tasks.length; row++) if (tasks.column('pid').number(row) === pid) return tasks.address(row)
  throw new Error(`the sample has no process ${pid}`)
}
