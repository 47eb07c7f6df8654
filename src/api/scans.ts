/** Scans of physical memory, which run chunk by chunk on the pool before the analyzer starts. */

/** Only for types: what the scan gives. */
declare const hitsOf: unique symbol

/** The value of one of the analyzer's own options, in the place of a parameter. */
export interface FromOption {
  readonly option: string
  /** Options of which none may be given: then it stands for nothing. */
  readonly unless?: readonly string[]
}

/**
 * Bytes to search for: a text, in UTF-8, or bytes in hexadecimal, in which `?` stands for any digit and `[2-4]` for so many
 * bytes of any kind.
 */
export type Pattern = string | { readonly hex: string }

/** A search for `task_struct`s. */
export interface TaskScan {
  readonly kind: 'tasks'
  readonly [hitsOf]?: BigUint64Array
}

/** A search for bytes. What it finds is numbered through: patterns, what hexadecimal digits say, expressions. */
export interface BytesScan {
  readonly kind: 'bytes'
  readonly patterns: readonly Pattern[] | FromOption
  /** More patterns, each in hexadecimal. */
  readonly hex?: readonly string[] | FromOption
  /** Regular expressions of bytes. What they find has 4 KiB at most, and begins behind what they found before. */
  readonly expressions?: readonly string[] | FromOption
  readonly [hitsOf]?: Places
}

/** A scan as it is declared: data. Scans of one kind with the same parameters are one. */
export type Scan = TaskScan | BytesScan

/** Scans by the names under which their hits come. */
export type Scans = Readonly<Record<string, Scan>>

/** Places at which one of several things was found, ascending; packed, so that no object per hit crosses threads. */
export interface Places {
  readonly length: number
  /** Physical addresses. */
  readonly addresses: BigUint64Array
  /** Which of the things that were asked for it is: an index. */
  readonly which: Uint32Array
  /** Bytes of each. */
  readonly lengths: Uint32Array
}

/** What an analyzer gets for its scans. */
export type ScanHits<S extends Scans> = {
  readonly [K in keyof S]: S[K] extends { readonly [hitsOf]?: infer H } ? NonNullable<H> : never
}

/** Constructors of scans. */
export const scan = {
  /** Virtual addresses of `task_struct`s, whether or not any list knows them: ascending, each once. */
  tasks: (): TaskScan => ({ kind: 'tasks' }),
  /**
   * Where bytes stand in physical memory, whosever it is; places within one another all count. What a process has side by
   * side need not lie so: of text that goes over the end of a page, both parts can be anywhere.
   */
  bytes: (parameters: Pick<BytesScan, 'patterns' | 'hex' | 'expressions'>): BytesScan => ({
    kind: 'bytes',
    ...parameters,
  }),
  /** What the user gives for an option of the analyzer: a list of texts, or one text; nothing where one of others is given. */
  given: (option: string, unless: readonly string[] = []): FromOption =>
    unless.length === 0 ? { option } : { option, unless },
}
