/** Copies of an image in which single words are others: what a rootkit, or memory of two moments, would have there. */

import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf, bytes, type Paths } from '../../dist/src/kernel/query.js'
import type { TruthImage } from './images.js'

/** A word to write: its kernel virtual address, what has to be there, and what comes there. */
export type Patch = [address: bigint, old: bigint, value: bigint]

/** A copy that is made before the suite's tests and removed after them; each of its changes is there for the next. */
export function patchedCopy(
  image: TruthImage,
  ...changes: ((kernel: Kernel, copy: string) => Patch[])[]
): { path: string } {
  const copy = { path: '' }
  let folder = ''
  beforeAll(() => {
    if (image.missing) return
    const raw = image.as('raw')
    folder = mkdtempSync(join(dirname(raw), '.patched-'))
    copy.path = join(folder, 'memory.raw')
    execFileSync('cp', ['--sparse=always', '--reflink=auto', raw, copy.path])
    for (const patches of changes) {
      const kernel = Kernel.attach(Kernel.open(copy.path, { cacheDir: null }).id, () => {})
      write(kernel, copy.path, patches(kernel, copy.path))
      kernel.close()
    }
  }, 120_000)
  afterAll(() => {
    if (folder !== '') rmSync(folder, { recursive: true })
  }, 120_000)
  return copy
}

function write(kernel: Kernel, path: string, patches: readonly Patch[]): void {
  const file = openSync(path, 'r+')
  const bytes = Buffer.alloc(8)
  for (const [address, old, word] of patches) {
    const physical = kernel.physical(address)
    if (physical === null) throw new Error(`0x${address.toString(16)} is not mapped`)
    readSync(file, bytes, 0, 8, Number(physical))
    expect(bytes.readBigUInt64LE()).toBe(old)
    bytes.writeBigUInt64LE(word)
    writeSync(file, bytes, 0, 8, Number(physical))
  }
  closeSync(file)
}

/** Where a member of an object lies, and the word that is there. */
export function word(kernel: Kernel, object: bigint, type: string, path: Paths): { at: bigint; value: bigint } {
  const batch = kernel.at([object], type).select({ at: addressOf(path), value: path })
  return { at: batch.column('at').bigint(0) ?? 0n, value: batch.column('value').bigint(0) ?? 0n }
}

/** Memory in which objects are forged: what is written there, as patches of its words. */
export class Scratch {
  readonly base: bigint
  readonly #old: Buffer
  readonly #new: Buffer

  /** Memory of the kernel's that the tables in question do not read, by its address: a multiple of 8, and so many bytes. */
  constructor(kernel: Kernel, base: bigint, length: number) {
    const batch = kernel.at([base], 'char').select({ bytes: bytes('', { length }) })
    this.base = base
    this.#old = Buffer.from(batch.column('bytes').bytes(0) ?? [])
    this.#new = Buffer.alloc(this.#old.length)
  }

  /** Puts a number of so many bytes at an address. */
  put(at: bigint, width: 1 | 2 | 4 | 8, value: bigint | number): void {
    const little = Buffer.alloc(8)
    little.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)))
    this.write(at, little.subarray(0, width))
  }

  write(at: bigint, content: Uint8Array): void {
    this.#new.set(content, Number(at - this.base))
  }

  /** Every word that is another than before. */
  patches(): Patch[] {
    return Array.from({ length: this.#new.length / 8 }, (_, at): Patch => {
      const [old, value] = [this.#old.readBigUInt64LE(at * 8), this.#new.readBigUInt64LE(at * 8)]
      return [this.base + BigInt(at * 8), old, value]
    }).filter(([, old, value]) => old !== value)
  }
}
