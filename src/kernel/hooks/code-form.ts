/** What a look at the first bytes of functions must know of an architecture's code. */

export interface CodeForm {
  /** Bytes of the place that ftrace changes. */
  readonly site: number
  /** Functions that cannot be traced and through which everything goes: a jump out of the kernel is looked for in them. */
  readonly entries: readonly string[]
  /** Whether nothing is done in the place that ftrace changes. */
  isNop(code: Uint8Array): boolean
  /** Whether that place is as ftrace makes it: a call, or a breakpoint that stands in for one while it is changed. */
  isTraced(code: Uint8Array): boolean
  /** Whether some code begins as one of the jumps does that are looked for. */
  mayLeave(code: Uint8Array): boolean
  /** Where the call at the beginning of some code leads. */
  call(at: bigint, code: Uint8Array): bigint | null
  /** Where the jump at a place in some code leads. */
  jump(at: bigint, code: Uint8Array, place: number): bigint | null
  /** Where a jump at a place leads that brings its own address: it goes to anywhere, which no compiler needs. */
  far(at: bigint, code: Uint8Array, place: number): bigint | null
}
