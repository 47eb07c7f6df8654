import type { Warning } from '../api/analyzer.js'
import { native } from './native.js'

/** What opening an image found out; addresses are `0x…` texts. */
export interface ImageInfo {
  readonly format: string
  readonly size: number
  readonly architecture: string
  readonly release: string
  readonly warnings: readonly Warning[]
}

export interface OpenOptions {
  /** Where discovered symbols are kept; null keeps none. */
  readonly cacheDir: string | null
  /** Remember every page that is read from the start on, for a distilled image. */
  readonly record?: boolean
}

/** One opened image, seen from this thread. */
export class Kernel {
  private constructor(
    readonly id: number,
    readonly info: ImageInfo,
    readonly warn: (warning: Warning) => void,
  ) {}

  static open(path: string, options: OpenOptions): { id: number; info: ImageInfo } {
    const id = options.record ? native.openImageRecording(path) : native.openImage(path, options.cacheDir)
    return { id, info: JSON.parse(native.describe(id)) as ImageInfo }
  }

  static attach(id: number, warn: (warning: Warning) => void): Kernel {
    return new Kernel(id, JSON.parse(native.describe(id)) as ImageInfo, warn)
  }
}
