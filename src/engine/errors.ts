/**
 * Failure classes; the core's errors carry the same codes. OPTION is what an analyzer finds wrong in what the user gave it:
 * of USAGE, once an analyzer runs, the analyzer is to blame.
 */
export type ErrorCode = 'USAGE' | 'OPTION' | 'EVIDENCE' | 'NO_SYMBOLS' | 'LIMIT' | 'INTERNAL' | 'INTERRUPTED'

/** A failure whose message is one line for the user. */
export class SalvorError extends Error {
  override readonly name = 'SalvorError'

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** An error in the form in which it crosses threads: cloning an Error drops its code. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly stack?: string
}

const codes: ReadonlySet<unknown> = new Set<ErrorCode>([
  'USAGE',
  'OPTION',
  'EVIDENCE',
  'NO_SYMBOLS',
  'LIMIT',
  'INTERNAL',
  'INTERRUPTED',
])

export function toFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: 'INTERNAL', message: String(error) }
  const code = (error as { code?: unknown }).code
  return {
    code: codes.has(code) ? (code as ErrorCode) : 'INTERNAL',
    message: error.message || error.name,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
  }
}

export function fromFailure(failure: Failure): SalvorError {
  const error = new SalvorError(failure.code, failure.message)
  if (failure.stack !== undefined) error.stack = failure.stack
  return error
}
