/** The optional addon that holds YARA rules against memory. Only this file loads it. */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { optionError } from '../option-error.js'
import { yaraAddon } from '../paths.js'
import { require } from '../require.js'
import type { Kernel } from './kernel.js'
import { native } from './native.js'

/** Places at which rules hold; one with an empty pattern is a rule whose condition asks for no string. */
export interface YaraMatches {
  rules: string[]
  patterns: string[]
  addresses: BigUint64Array
  physical: BigUint64Array
  lengths: Uint32Array
  capped: boolean
}

/** Compiled rules for one image. Runs are physical memory as it lies in a row: address, physical address, bytes. */
export interface YaraRules {
  readonly count: number
  scan(runs: BigUint64Array, size?: number | null): YaraMatches
}

interface Addon {
  Rules: new (image: string, name: string, text: string) => YaraRules
}

/** Compiles rules. Throws where the addon was not built, and where a rule has a fault. */
export function yaraRules(kernel: Kernel, name: string, text: string): YaraRules {
  const rules = new (load().Rules)(native.imageFile(kernel.id), name, text)
  return {
    count: rules.count,
    scan(runs, size) {
      // The addon reads the file by itself, and what is elsewhere has to be in it then.
      native.bring(kernel.id, runs)
      return rules.scan(runs, size)
    },
  }
}

function load(): Addon {
  try {
    return require(fileURLToPath(yaraAddon)) as Addon
  } catch (error) {
    if (existsSync(yaraAddon)) throw new Error('the addon for YARA rules does not load', { cause: error })
    throw optionError('the addon for YARA rules is not built: run `npm run build:yara` in a checkout of salvor')
  }
}

/** All of physical memory that the image holds. */
export function physicalRuns(kernel: Kernel): BigUint64Array {
  return BigUint64Array.from(
    kernel.info.ranges.flatMap(({ start, bytes }) => [BigInt(start), BigInt(start), BigInt(bytes)]),
  )
}

/** What a process has mapped; null, and a warning, where its page tables cannot be read. */
export function processRuns(kernel: Kernel, mm: bigint): BigUint64Array | null {
  const maps = native.processMaps(kernel.id, mm, 0n, (1n << 64n) - 1n)
  if (maps === null || maps.lost > 0) {
    kernel.warn({ code: 'unreadable', message: "some of a process's page tables are not in the image", count: 1 })
  }
  if (maps === null) return null
  if (maps.capped) kernel.warn({ code: 'cap', message: 'a process has more memory mapped than is looked at' })
  // What maps are by virtual addresses comes with the physical one first.
  return maps.runs.map((_, index, all) => all[index - (index % 3) + ([1, 0, 2][index % 3] ?? 0)] ?? 0n)
}

/** What the page cache holds of a file, and how long it is; null, and a warning, where its inode cannot be read. */
export function fileRuns(kernel: Kernel, inode: bigint): { runs: BigUint64Array; size: number } | null {
  const [found, part] = [native.fileRuns(kernel.id, inode), native.filePart(kernel.id, inode, 0, 0)]
  if (found === null || part === null) {
    kernel.warn({ code: 'unreadable', message: "a file's inode could not be read", count: 1 })
    return null
  }
  return { runs: found, size: part.size }
}
