/** What a batch and a worker have in common: processes of one image each. */

import { availableParallelism } from 'node:os'
import type { ChildProgram } from '../batch/child.js'
import type { ChildLimits } from '../batch/job.js'
import type { Option } from './command.js'
import { engineOptions, optionalNumber } from './options.js'

type Raw = Readonly<Record<string, unknown>>

export const imageOptions: readonly Option[] = [
  { name: 'workers', value: 'N', summary: 'Images at once, a CPU or --threads many for each (default: all CPUs)' },
  { name: 'image-timeout', value: 'N', summary: 'End an image that takes longer than N seconds; the others go on' },
  { name: 'image-memory', value: 'N', summary: 'End an image whose process takes more than N MiB; the others go on' },
]

/** How many CPUs an image has; `otherwise` says how many where nobody does. */
export function imageThreads(otherwise: string): Option {
  return { name: 'threads', value: 'N', summary: `CPUs of each image (default: ${otherwise})` }
}

/** The engine's options, with what --threads means where there are many images. */
export function imageEngineOptions(otherwise: string): readonly Option[] {
  return engineOptions.map((option) => (option.name === 'threads' ? imageThreads(otherwise) : option))
}

/** How many images at once, and what each of their processes may take. */
export interface ImageProcesses {
  readonly workers: number
  /** Of each image. */
  readonly threads: number
  /** To be divided among images where there are fewer than workers; none where somebody said what an image is to have. */
  readonly processors?: number
  /** How many all of them together are not to take more of than; none where that is all that there are. */
  readonly within?: number
  readonly limits: ChildLimits
}

/** As many images at once as there are CPUs for, unless told otherwise; `most` where there are never more. */
export function readImageProcesses(raw: Raw, most = Number.POSITIVE_INFINITY): ImageProcesses {
  const processors = availableParallelism()
  const told = { workers: optionalNumber('--workers', raw.workers), threads: optionalNumber('--threads', raw.threads) }
  const workers = Math.min(most, told.workers ?? Math.max(1, Math.floor(processors / (told.threads ?? 1))))
  const shared = told.workers === undefined && told.threads === undefined
  const threads = told.threads ?? (shared ? Math.floor(processors / workers) : 1)
  const timeout = optionalNumber('--image-timeout', raw.imageTimeout)
  const memory = optionalNumber('--image-memory', raw.imageMemory)
  return {
    workers,
    threads,
    ...(shared ? { processors } : {}),
    ...(told.workers === undefined ? {} : { within: workers * threads }),
    limits: { ...(timeout === undefined ? {} : { timeout }), ...(memory === undefined ? {} : { memory }) },
  }
}

/** This program, to be started once more for each image. */
export function childProgram(raw: Raw): ChildProgram {
  const plugins = [raw.plugin ?? []].flat().flatMap((specifier) => ['--plugin', String(specifier)])
  return { entry: process.argv[1] ?? '', options: plugins }
}
