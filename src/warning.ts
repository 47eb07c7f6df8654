/** Something that keeps a table from being whole. `absent` is a note: this kernel has no such thing. */
export interface Warning {
  readonly code: string
  readonly message: string
  readonly analyzer?: string
  readonly column?: string
  readonly count?: number
  /** The first address it happened at, `0x…`. */
  readonly address?: string
}
