import type { OptionsData } from '../api/options.js'
import type { Places } from '../api/scans.js'
import type { Batch, TableFacts } from '../api/table.js'
import type { ChunkHits, Converted, Loss } from '../kernel/backend.js'
import type { ImageInfo, OpenOptions } from '../kernel/kernel.js'
import type { ScanRequest } from '../kernel/scans.js'
import type { ArtifactPlace } from '../output/artifacts.js'
import type { Warning } from '../warning.js'
import type { Failure } from './errors.js'
import type { PluginSource } from './registry.js'

/** A table in the form in which it crosses threads. */
export interface TableData extends Batch, TableFacts {
  readonly name: string
}

/** What an analyzer's task may ask of the main thread; exposed by Comlink over the task's own port. */
export interface Host {
  /** Resolves when the host has room for more: a worker never runs far ahead of its reader. */
  rows(batch: Batch): Promise<void>
  progress(done: number, total: number): void
  log(line: string): void
  /** Says that the work begins; resolves once, if the run is cancelled. */
  begin(): Promise<void>
}

/** A table as it is given to the analyzer that needs it. */
export interface GivenTable {
  readonly as: string
  readonly optional: boolean
  /** Null where it is missing, which is only so where it is optional. */
  readonly table: TableData | null
  readonly why: string | null
}

/** What an analyzer reads: an open image, or a file that its worker opens. */
export type EvidenceName = { readonly image: number } | { readonly file: string }

/** What a worker is told when it starts. */
export interface WorkerData {
  /** A module to use instead of the kernel layer. */
  readonly backend: string | undefined
  /** Whether the kernel layer is loaded before a task asks for it. */
  readonly kernel: boolean
  /** Whether the process is salvor's own, and no program that uses it. */
  readonly own: boolean
}

export interface AnalyzeTask {
  readonly kind: 'analyze'
  readonly evidence: EvidenceName
  readonly analyzer: string
  readonly plugin: PluginSource
  /** Modules of users' rules, for an analyzer that evaluates them. */
  readonly rules: readonly PluginSource[]
  /** All of them; a file by its path. */
  readonly options: OptionsData
  readonly tables: readonly GivenTable[]
  /** Hits by the names under which the analyzer declares its scans. */
  readonly scans: Readonly<Record<string, BigUint64Array | Places>>
  /** Where its files go; null where they are left out. */
  readonly artifacts: ArtifactPlace | null
  readonly port: import('node:worker_threads').MessagePort
}

export interface ConvertTask {
  readonly kind: 'convert'
  readonly path: string
  readonly options: OpenOptions
  readonly format: string
  /** A file that is not there yet. */
  readonly output: string
  /** Tells phase, bytes done and bytes in all; any message to it stops it. */
  readonly port: import('node:worker_threads').MessagePort
}

export type Task =
  | {
      readonly kind: 'open'
      readonly path: string
      readonly options: OpenOptions
      /** Tells how far it is; any message to it stops it. */
      readonly port: import('node:worker_threads').MessagePort
    }
  | { readonly kind: 'chunks'; readonly image: number; readonly bytes: number }
  | {
      readonly kind: 'scan'
      readonly image: number
      readonly requests: readonly ScanRequest[]
      /** Flat pairs of start and length. */
      readonly chunks: BigUint64Array
      readonly threads: number
    }
  | { readonly kind: 'write-touched'; readonly image: number; readonly output: string }
  | { readonly kind: 'close'; readonly image: number }
  | ConvertTask
  | AnalyzeTask

export interface Results {
  open: { readonly id: number; readonly info: ImageInfo }
  chunks: BigUint64Array
  /** For each chunk an answer for each scan, with what was lost of the image so far. */
  scan: { readonly found: readonly (readonly ChunkHits[])[]; readonly lost: Loss | null }
  'write-touched': { readonly pages: number; readonly lost: Loss | null }
  close: null
  convert: Converted
  analyze: readonly Warning[]
}

/** Warnings go with a failure too: what could not be read is often why. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure; readonly warnings: readonly Warning[] }
