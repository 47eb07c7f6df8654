import { readFileSync } from 'node:fs'
import { SalvorError } from '../engine/errors.js'
import { evidenceFailure } from '../engine/evidence-file.js'

/** The text of a file that says what is asked, and is no evidence: where it cannot be read, whoever named it was wrong. */
export function readAsked(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new SalvorError('USAGE', evidenceFailure(path, error).message, { cause: error })
  }
}
