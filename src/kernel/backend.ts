import type { ScanName } from '../api/analyzer.js'
import type { Warning } from '../warning.js'
import { type ImageInfo, Kernel, type OpenOptions } from './kernel.js'
import { native } from './native.js'
import { rulesOf, TASK_STRUCT } from './objects.js'

const TASK_RULES = JSON.stringify(rulesOf(TASK_STRUCT))

/** All that the engine's workers ask of the kernel layer; tests put another module in its place. */
export interface Backend {
  open(path: string, options: OpenOptions): { id: number; info: ImageInfo }
  attach(id: number, warn: (warning: Warning) => void): Kernel
  /** Flat pairs of start and length of the physical chunks to scan. */
  chunks(id: number, bytes: number): BigUint64Array
  scan(name: ScanName, id: number, start: bigint, length: bigint): ScanHits
  /** What the image's file no longer gives; null when nothing was lost. */
  lost(id: number): Loss | null
  /** Writes the pages read since a recording open to a new file; returns how many. */
  writeTouched(id: number, output: string): number
  close(id: number): void
}

export interface ScanHits {
  readonly addresses: BigUint64Array
  readonly warnings: readonly Warning[]
}

/** Memory that could not be read because the file was cut off or its disk failed meanwhile. */
export interface Loss {
  /** One line, with the offset in the file. */
  readonly message: string
  readonly bytes: number
}

export const backend: Backend = {
  open: Kernel.open,
  attach: Kernel.attach,
  chunks: native.scanChunks,
  scan(_name, id, start, length) {
    const { addresses, capped } = native.scanTasks(id, TASK_RULES, start, length)
    const message = 'more hits in a chunk than are kept'
    const warning = { code: 'cap', message, address: `0x${start.toString(16)}` }
    return { addresses, warnings: capped ? [warning] : [] }
  },
  lost: native.lost,
  writeTouched: native.writeTouched,
  close: native.closeImage,
}
