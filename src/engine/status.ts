import type { OptionsData } from '../api/options.js'
import type { Warning } from '../warning.js'
import type { ErrorCode, Failure } from './errors.js'
import { isNote } from './warnings.js'

export const exitCodes = {
  complete: 0,
  internal: 1,
  usage: 2,
  evidence: 3,
  noSymbols: 4,
  partial: 5,
  limit: 6,
  interrupted: 130,
} as const

/** When several images or tables end differently, the first of these that happened is the exit code. */
const severity: readonly number[] = [130, 2, 1, 3, 4, 6, 5, 0]

export function worst(codes: Iterable<number>): number {
  const seen = new Set(codes)
  return severity.find((code) => seen.has(code)) ?? exitCodes.complete
}

export function exitCodeOf(code: ErrorCode): number {
  const byCode: Record<ErrorCode, number> = {
    USAGE: exitCodes.usage,
    OPTION: exitCodes.usage,
    EVIDENCE: exitCodes.evidence,
    NO_SYMBOLS: exitCodes.noSymbols,
    LIMIT: exitCodes.limit,
    INTERNAL: exitCodes.internal,
    INTERRUPTED: exitCodes.interrupted,
  }
  return byCode[code]
}

/** How one table ended: `rows` before filters, `failed` if its analyzer did not reach the end; they go together. */
export interface TableOutcome {
  readonly analyzer: string
  /** What it was made with, if the analyzer has options. */
  readonly options?: OptionsData
  readonly rows: number
  readonly warnings: readonly Warning[]
  readonly failed?: Failure
}

function warningsExitCode(outcome: TableOutcome): number {
  const codes = outcome.warnings.filter((warning) => !isNote(warning)).map((warning) => warning.code)
  if (codes.includes('cap')) return exitCodes.limit
  if (codes.length > 0) return exitCodes.partial
  // Nothing at all came out, and there is something to say about why.
  return outcome.rows === 0 && outcome.warnings.length > 0 ? exitCodes.partial : exitCodes.complete
}

/**
 * The exit code of one image's tables. A failed analyzer is a partial result where anything came out: rows of its own
 * before it failed, or another's table.
 */
export function imageExitCode(outcomes: readonly TableOutcome[]): number {
  const failures = outcomes.flatMap(({ failed }) => (failed === undefined ? [] : [failed.code]))
  const interrupted = failures.includes('INTERRUPTED')
  if (interrupted) return exitCodes.interrupted
  const delivered = outcomes.filter(({ failed, rows }) => failed === undefined || rows > 0)
  if (delivered.length === 0) return worst(failures.map(analyzerExitCode))
  const ended = failures.map((code) => (code === 'LIMIT' ? exitCodes.limit : exitCodes.partial))
  return worst([...delivered.map(warningsExitCode), ...ended])
}

/** An analyzer that asks the core for nonsense is a defect of the analyzer, not of the user's command. */
function analyzerExitCode(code: ErrorCode): number {
  return code === 'USAGE' ? exitCodes.internal : exitCodeOf(code)
}
