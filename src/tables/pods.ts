/** Gathers from the kernel what reasoning about pods needs. */

import { buildPods, type PodRow } from '../containers/pod-rows.js'
import type { Kernel } from '../kernel/kernel.js'
import type { Warning } from '../warning.js'
import { containerEvidence } from './containers.js'
import { hostFiles } from './host-files.js'

/** Pods known to memory, running or not, with where each value came from. */
export function podRows(kernel: Kernel, warn: (warning: Warning) => void): readonly Readonly<PodRow>[] {
  const { rows, warnings } = kernel.once(readPods)
  for (const warning of warnings) warn(warning)
  return rows
}

function readPods(kernel: Kernel): { rows: PodRow[]; warnings: Warning[] } {
  const { rows, declared, evidence } = containerEvidence(kernel)
  return buildPods({ ...evidence, rows, declared, files: hostFiles(kernel) })
}
