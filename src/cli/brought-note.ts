import type { OpenedImage } from '../engine/engine.js'
import { broughtLine } from '../intake/brought.js'
import type { StderrReporter } from './reporter.js'

/** Says how much was fetched of an image of which only what is read is. */
export function tellBrought(reporter: StderrReporter, path: string, { ranged }: OpenedImage): void {
  if (ranged !== undefined) reporter.log(`${path}: ${broughtLine(ranged.brought)}`)
}
