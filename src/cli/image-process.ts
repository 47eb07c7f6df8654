/** What a batch and a worker have in common: processes of one image each. */

import { availableParallelism } from 'node:os'
import type { ChildProgram } from '../batch/child.js'
import type { ChildLimits } from '../batch/job.js'
import type { Option } from './command.js'
import { optionalNumber } from './options.js'

type Raw = Readonly<Record<string, unknown>>

export const imageOptions: readonly Option[] = [
  { name: 'workers', value: 'N', summary: 'Images at once (default: one per CPU)' },
  { name: 'image-timeout', value: 'N', summary: 'End an image that takes longer than N seconds; the others go on' },
  { name: 'image-memory', value: 'N', summary: 'End an image whose process takes more than N MiB; the others go on' },
]

/** How many images at once, and what each of their processes may take. */
export interface ImageProcesses {
  readonly workers: number
  readonly threads: number
  readonly limits: ChildLimits
}

/** The CPUs are divided among the images, unless told otherwise. */
export function readImageProcesses(raw: Raw, most = Number.POSITIVE_INFINITY): ImageProcesses {
  const processors = availableParallelism()
  const workers = Math.min(most, optionalNumber('--workers', raw.workers) ?? processors)
  const timeout = optionalNumber('--image-timeout', raw.imageTimeout)
  const memory = optionalNumber('--image-memory', raw.imageMemory)
  return {
    workers,
    threads: optionalNumber('--threads', raw.threads) ?? Math.max(1, Math.floor(processors / workers)),
    limits: { ...(timeout === undefined ? {} : { timeout }), ...(memory === undefined ? {} : { memory }) },
  }
}

/** This program, to be started once more for each image. */
export function childProgram(raw: Raw): ChildProgram {
  const plugins = [raw.plugin ?? []].flat().flatMap((specifier) => ['--plugin', String(specifier)])
  return { entry: process.argv[1] ?? '', options: plugins }
}
