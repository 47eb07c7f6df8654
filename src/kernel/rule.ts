/** What may be asked of an object before it is believed. */

/** An access path as C would write it (docs/paths.md), or alternatives of which the first that exists counts. */
export type Paths = string | readonly string[]

/** What the value at a path must be. */
export type Test =
  /** The object's own address; that of the object the walk began at; the same or NULL; an address in the kernel's own text and data. */
  | 'own'
  | 'origin'
  | 'origin_or_null'
  | 'image'
  /** A kernel address; the same or NULL; one of whole pages, or NULL. */
  | 'pointer'
  | 'pointer_or_null'
  | 'stack'
  /** Of a `char` array: something, and then a NUL. */
  | 'text'
  /** Of a `struct dentry`: its name is the one that its hash was made of. */
  | 'name_hash'
  | { at_most: number }
  | { at_least: number }
  | { symbol: string }
  | { equals: Paths }

export interface Rule {
  readonly path: Paths
  readonly is: Test
}
