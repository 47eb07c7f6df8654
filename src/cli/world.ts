import type { Writable } from 'node:stream'

/** A stream that may be a terminal. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** What a command touches outside itself; a test gives its own. */
export interface World {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly directory: string
  /** Aborted when the user wants the command to stop. */
  readonly signal: AbortSignal
  /** Called at the very end or when the process has to stop at once; takes back what is half done. */
  readonly onAbort: (cleanup: () => void) => void
  /** How long the command may take to stop once `signal` is aborted; a second signal ends it all the same. */
  readonly stopWithin?: (milliseconds: number) => void
  /** Keeps the process, and what it starts, to so many processors, if there are more. Only of one that is the command's own. */
  readonly keepTo?: (processors: number) => Promise<void>
  /** The module that the engine's workers use instead of the kernel layer. */
  readonly backend?: string
}

/** Of a terminal that does not tell. */
export const DEFAULT_WIDTH = 80
const MAX_WIDTH = 100

/** The width that text for people is wrapped to. */
export function textWidth(columns: number | undefined): number {
  return Math.min(columns || DEFAULT_WIDTH, MAX_WIDTH)
}

/** Whether a stream is coloured: NO_COLOR and FORCE_COLOR decide, or else whether it is a terminal. */
export function hasColour(stream: OutputStream, env: World['env']): boolean {
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '') return !['0', 'false'].includes(env.FORCE_COLOR)
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false
  return stream.isTTY === true && env.TERM !== 'dumb'
}
