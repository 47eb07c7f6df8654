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
  | 'user_strings'
  | 'symbol'
  | 'module'
  | 'bytes'
  | 'index'
  | 'enum'

/** A column of a query: a path, or a path with the way it is read. */
export type Select = Paths | Field

export interface Field<L extends Leaf = Leaf> {
  readonly path: Paths
  readonly as: L
  /** Most bytes to read, for text. */
  readonly max?: number
  /** For `bytes`: how many there are behind a pointer. */
  readonly length?: number | Paths
  /** For `obeys`. */
  readonly rules?: readonly Rule[]
  /** For `d_path`: the `struct path` it is relative to. */
  readonly root?: Paths
  /** For `enum`: which enumeration, `enum tcp_conntrack`, or a constant of one that has no name; the first that exists. */
  readonly constants?: Paths
  /** A kernel without the member gives nulls and a note, not an error. */
  readonly optional?: boolean
}

/** What a column's values are; null where a value could not be read or does not exist. */
export type ValueOfSelect<S> =
  S extends Field<infer L>
    ? L extends 'value' | 'address' | 'obeys' | 'index'
      ? number | bigint | null
      : L extends 'bytes'
        ? Uint8Array | null
        : string | null
    : number | bigint | null

/** How many: a number, or a path to it. */
export type Count = number | Paths

export type Walk =
  | { kind: 'object'; of: Paths }
  | { kind: 'array'; of: Paths; count?: Count; type?: string; pointers?: boolean; most?: number }
  | { kind: 'list'; head: Paths; type: string; link: Paths; inclusive?: boolean }
  | { kind: 'hlist'; head: Paths; type: string; link: Paths }
  | { kind: 'hash'; of: Paths; count?: Count; head?: Paths; type: string; link: Paths }
  | { kind: 'rhashtable'; of: Paths; type: string; link: Paths }
  | { kind: 'rbtree'; root: Paths; type: string; link: Paths }
  | { kind: 'xarray'; of: Paths; type: string }
  | { kind: 'maple'; of: Paths; type: string }
  | { kind: 'chain'; first: Paths; type: string; next: Paths }
  | { kind: 'records'; of: Paths; bytes: Count; type: string; size: Paths }
  | { kind: 'percpu'; of: Paths; type?: string }
  | { kind: 'alternatives'; walks: readonly Walk[] }

/** Columns by name. */
export type Selects = Readonly<Record<string, Select>>

/** Nested walks by name. */
export type Children = Readonly<Record<string, Nested>>

/** No nested walks. */
export type None = Readonly<Record<never, never>>

/**
 * A nested walk: its paths start at each object of the walk around it. One that is declared by itself keeps the names of
 * its columns for the compiler with `satisfies Nested`.
 */
export interface Nested {
  readonly walk: Walk
  /** A kernel without something that it needs gives no rows and a note, not an error. */
  readonly optional?: boolean
  /** What each object must obey beside what its type does. */
  readonly rules?: readonly Rule[]
  readonly select: Selects
  readonly children?: Children
}

/** The walks below a nested one. */
export type ChildrenOf<N extends Nested> = N extends { readonly children: infer C extends Children } ? C : None

/** Text of a `char[]` or `char *`. */
export function text(path: Paths, max?: number): Field<'string'> {
  return max === undefined ? { path, as: 'string' } : { path, as: 'string', max }
}

/**
 * Bytes as they are: of an array or struct in place, or `length` of them behind a pointer; null unless all of them can be
 * read. More than `max` (1 MiB where it is not given) are cut off, and told.
 */
export function bytes(path: Paths, options: { length?: number | Paths; max?: number } = {}): Field<'bytes'> {
  return { path, as: 'bytes', ...options }
}

/** The address of the object that a path names. */
export function addressOf(path: Paths): Field<'address'> {
  return { path, as: 'address' }
}

/**
 * The path of a `struct path`, `struct file` or `struct vfsmount`, across mounts, as the kernel's d_path gives it: up to
 * `root`, a `struct path`, where that is on the way.
 */
export function dPath(path: Paths, root?: Paths): Field<'d_path'> {
  return root === undefined ? { path, as: 'd_path' } : { path, as: 'd_path', root }
}

/** Bytes, two digits each: of an object in place, or `max` of them behind a pointer. */
export function hex(path: Paths, max?: number): Field<'hex'> {
  return max === undefined ? { path, as: 'hex' } : { path, as: 'hex', max }
}

/** What an enumeration calls a number: that of the member's type, or `of`. A number that it has no name for is in digits. */
export function constantName(path: Paths, of?: Paths): Field<'enum'> {
  return of === undefined ? { path, as: 'enum' } : { path, as: 'enum', constants: of }
}

/** An object's place in its walk: index of an array, XArray or IDR, processor, or which it is of a list. */
export function index(): Field<'index'> {
  return { path: '', as: 'index' }
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

/** The environment of a `struct mm_struct *`, as /proc/PID/environ gives it. */
export function userStrings(path: Paths, max?: number): Field<'user_strings'> {
  return max === undefined ? { path, as: 'user_strings' } : { path, as: 'user_strings', max }
}

/** What the page cache holds of a `struct inode *`. */
export function contents(path: Paths, max: number): Field<'contents'> {
  return { path, as: 'contents', max }
}

/** The same, with NULs for pages that are not there. */
export function cached(path: Paths, max: number): Field<'cached'> {
  return { path, as: 'cached', max }
}

/**
 * The symbol that a pointer's target belongs to: `tcp_v4_rcv`, `nf_hook_slow+0x1a`, in a module's memory
 * `br_nf_pre_routing+0x4 [br_netfilter]`. Null where neither the kernel nor a loaded module has anything, as for code that
 * the kernel makes itself (BPF, ftrace).
 */
export function symbolAt(path: Paths): Field<'symbol'> {
  return { path, as: 'symbol' }
}

/** The module whose memory a pointer leads into; `kernel` for the kernel proper, null for neither. */
export function moduleAt(path: Paths): Field<'module'> {
  return { path, as: 'module' }
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

/** One object, embedded or pointed to. */
export function object(of: Paths): Walk {
  return { kind: 'object', of }
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
  options: { count?: Count; type?: string; pointers?: boolean; most?: number } = {},
): Walk {
  return { kind: 'array', of, ...options }
}

/** Every object of a table of chains, each bucket its chain's head or, with `head`, what a path leads to from it. */
export function hash(of: Paths, type: string, link: Paths, options: { count?: Count; head?: Paths } = {}): Walk {
  return { kind: 'hash', of, type, link, ...options }
}

/** Every object of a `struct rhashtable` or `struct rhltable`. */
export function rhashtable(of: Paths, type: string, link: Paths): Walk {
  return { kind: 'rhashtable', of, type, link }
}

/** Every object of a red-black tree, in order. */
export function rbtree(root: Paths, type: string, link: Paths): Walk {
  return { kind: 'rbtree', root, type, link }
}

/** Every entry of an XArray, radix tree or IDR. */
export function xarray(of: Paths, type: string): Walk {
  return { kind: 'xarray', of, type }
}

/** Every entry of a maple tree. */
export function maple(of: Paths, type: string): Walk {
  return { kind: 'maple', of, type }
}

/** Every object of a chain linked by a pointer. */
export function chain(first: Paths, type: string, next: Paths): Walk {
  return { kind: 'chain', first, type, next }
}

/** Every record of a buffer of so many bytes, each followed by the next after the bytes that `size` says. */
export function records(of: Paths, bytes: Count, type: string, size: Paths): Walk {
  return { kind: 'records', of, bytes, type, size }
}

/** Each possible processor's copy of what a per-CPU pointer stands for; its index is the processor. */
export function perCpuCopies(of: Paths, type?: string): Walk {
  return type === undefined ? { kind: 'percpu', of } : { kind: 'percpu', of, type }
}

/** The first walk whose members this kernel has. */
export function firstOf(...walks: Walk[]): Walk {
  return { kind: 'alternatives', walks }
}

/** An address that no object need have, to tell how far its members lie from it. */
export const ANYWHERE = 1n << 63n

/** The type that a walk yields, where the walk names it. */
function yielded(walk: Walk): string {
  if (walk.kind === 'alternatives') return walk.walks.map(yielded)[0] ?? ''
  return 'type' in walk ? (walk.type ?? '') : ''
}

/** The JSON that the native core takes. */
export function nestedSpec(nested: Omit<Nested, 'walk'> & { readonly walk: Walk | null }): object {
  return {
    walk: nested.walk,
    rules: [...(nested.walk === null ? [] : rulesOf(yielded(nested.walk))), ...(nested.rules ?? [])],
    select: Object.entries(nested.select).map(([name, select]) => ({ name, ...asField(select) })),
    children: Object.entries(nested.children ?? {}).map(([name, child]) => ({
      name,
      optional: child.optional ?? false,
      ...nestedSpec(child),
    })),
  }
}
