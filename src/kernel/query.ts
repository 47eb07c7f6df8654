/**
 * What can be asked of the kernel: walks that yield objects and access paths that read them.
 * These are plain descriptions; the native core compiles them against the image's own types.
 */

import { rulesOf } from './objects.js'
import type { Paths, Rule } from './rule.js'

export type { Paths } from './rule.js'

/** How a path's value is read. */
export type Leaf =
  | 'value'
  | 'address'
  | 'string'
  | 'hex'
  | 'd_path'
  | 'dentry_path'
  | 'kernfs_path'
  | 'cmdline'
  | 'contents'
  | 'cached'
  | 'obeys'

/** A column of a query: a path, or a path with the way it is read. */
export type Select = Paths | Field

export interface Field<L extends Leaf = Leaf> {
  readonly path: Paths
  readonly as: L
  /** Most bytes to read, for text. */
  readonly max?: number
  /** For `obeys`. */
  readonly rules?: readonly Rule[]
  /** A kernel without the member gives nulls and a note, not an error. */
  readonly optional?: boolean
}

/** What a column's values are; null where a value could not be read or does not exist. */
export type ValueOfSelect<S> =
  S extends Field<infer L>
    ? L extends 'value' | 'address' | 'obeys'
      ? number | bigint | null
      : string | null
    : number | bigint | null

export type Walk =
  | { kind: 'object'; of: Paths }
  | { kind: 'array'; of: Paths; count?: number | Paths; type?: string; pointers?: boolean; most?: number }
  | { kind: 'list'; head: Paths; type: string; link: Paths; inclusive?: boolean }
  | { kind: 'hlist'; head: Paths; type: string; link: Paths }
  | { kind: 'hash'; of: Paths; count?: number | Paths; type: string; link: Paths }
  | { kind: 'rbtree'; root: Paths; type: string; link: Paths }
  | { kind: 'xarray'; of: Paths; type: string }
  | { kind: 'maple'; of: Paths; type: string }
  | { kind: 'chain'; first: Paths; type: string; next: Paths }
  | { kind: 'alternatives'; walks: Walk[] }

/** A nested walk: its paths start at each object of the walk around it. */
export interface Nested {
  readonly walk: Walk
  /** What each object must obey beside what its type does. */
  readonly rules?: readonly Rule[]
  readonly select: Record<string, Select>
  readonly children?: Record<string, Nested>
}

/** Text of a `char[]` or `char *`. */
export function text(path: Paths, max?: number): Field<'string'> {
  return max === undefined ? { path, as: 'string' } : { path, as: 'string', max }
}

/** The address of the object that a path names. */
export function addressOf(path: Paths): Field<'address'> {
  return { path, as: 'address' }
}

/** The path of a `struct path` or `struct file`, across mounts, as the kernel's d_path gives it. */
export function dPath(path: Paths): Field<'d_path'> {
  return { path, as: 'd_path' }
}

/** The path of a `struct dentry *` within its own file system. */
export function dentryPath(path: Paths): Field<'dentry_path'> {
  return { path, as: 'dentry_path' }
}

/** The path of a `struct kernfs_node *`, from its hierarchy's root. */
export function kernfsPath(path: Paths): Field<'kernfs_path'> {
  return { path, as: 'kernfs_path' }
}

/** The arguments of a `struct mm_struct *`, as /proc/PID/cmdline gives them. */
export function cmdline(path: Paths): Field<'cmdline'> {
  return { path, as: 'cmdline' }
}

/** What the page cache holds of a `struct inode *`. */
export function contents(path: Paths, max: number): Field<'contents'> {
  return { path, as: 'contents', max }
}

/** The same, with NULs for pages that are not there. */
export function cached(path: Paths, max: number): Field<'cached'> {
  return { path, as: 'cached', max }
}

/** 1 where the object obeys rules, else 0. */
export function obeys(rules: readonly Rule[]): Field<'obeys'> {
  return { path: '', as: 'obeys', rules }
}

/** The same column, null with a note where the kernel has no such member. */
export function optional<S extends Select>(select: S): S extends Field ? S : Field<'value'> {
  return { ...asField(select), optional: true } as S extends Field ? S : Field<'value'>
}

function asField(select: Select): Field {
  return typeof select === 'object' && 'path' in select ? select : { path: select, as: 'value' }
}

/** Every object of a `list_head`. */
export function list(head: Paths, type: string, link: Paths): Walk {
  return { kind: 'list', head, type, link }
}

/** Every object of an `hlist_head`. */
export function hlist(head: Paths, type: string, link: Paths): Walk {
  return { kind: 'hlist', head, type, link }
}

/** Every element of an array; a count above `most` is damage, and gives none. */
export function array(
  of: Paths,
  options: { count?: number | Paths; type?: string; pointers?: boolean; most?: number } = {},
): Walk {
  return { kind: 'array', of, ...options }
}

/** Every object of a red-black tree, in order. */
export function rbtree(root: Paths, type: string, link: Paths): Walk {
  return { kind: 'rbtree', root, type, link }
}

/** Every entry of an XArray, radix tree or IDR. */
export function xarray(of: Paths, type: string): Walk {
  return { kind: 'xarray', of, type }
}

/** Every object of a chain linked by a pointer. */
export function chain(first: Paths, type: string, next: Paths): Walk {
  return { kind: 'chain', first, type, next }
}

/** The first walk whose members this kernel has. */
export function firstOf(...walks: Walk[]): Walk {
  return { kind: 'alternatives', walks }
}

/** The type that a walk yields, where the walk names it. */
function yielded(walk: Walk): string {
  if (walk.kind === 'alternatives') return walk.walks.map(yielded)[0] ?? ''
  return 'type' in walk ? (walk.type ?? '') : ''
}

/** The JSON that the native core takes. */
export function nestedSpec(nested: Nested): object {
  return {
    walk: nested.walk,
    rules: [...rulesOf(yielded(nested.walk)), ...(nested.rules ?? [])],
    select: Object.entries(nested.select).map(([name, select]) => ({ name, ...asField(select) })),
    children: Object.entries(nested.children ?? {}).map(([name, child]) => ({ name, ...nestedSpec(child) })),
  }
}
