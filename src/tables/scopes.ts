/** The parts of memory that a search can be asked to keep to. */

import type { Kernel } from '../kernel/kernel.js'
import type { PageFile } from '../kernel/pages/page-files.js'
import type { Member } from './members.js'
import { memoryGroups } from './memory-groups.js'
import { membersByMemory, pageFiles } from './pages.js'

/** Where is searched: in the memory of processes, of containers, in files. Nothing given is all of physical memory. */
export interface SearchScope {
  readonly process: readonly string[]
  readonly in_container: readonly string[]
  readonly path: readonly string[]
}

/** Whether anything is given. */
export function isScoped({ process, in_container, path }: SearchScope): boolean {
  return process.length + in_container.length + path.length > 0
}

/** A container is asked for by its name, or by its id or the beginning of that. */
function isIn(asked: readonly string[], container: string | null, name: string | null): boolean {
  return container !== null && asked.some((one) => one !== '' && (container.startsWith(one) || name === one))
}

/** Processes that are asked for, by their `mm_struct`s; that there is none is told. */
export function scopedProcesses(kernel: Kernel, scope: SearchScope): [bigint, Member][] {
  const pids = new Set(scope.process.flatMap((text) => text.split(',')).map(Number))
  const chosen = [...membersByMemory(kernel)].filter(
    ([, { pid, container, container_name }]) =>
      (pid !== null && pids.has(pid)) || isIn(scope.in_container, container, container_name),
  )
  if (chosen.length === 0 && scope.process.length + scope.in_container.length > 0) {
    kernel.warn({ code: 'absent', message: 'there is no process of those asked for that has memory' })
  }
  return chosen
}

/** Files of those asked for of which something is in memory; that there is none is told. */
export function scopedFiles(kernel: Kernel, { path: asked }: SearchScope): PageFile[] {
  if (asked.length === 0) return []
  const cached = memoryGroups(kernel).filter(({ kind }) => kind === 'page cache')
  const files = [...pageFiles(kernel, new Set(cached.map(({ owner }) => owner))).values()]
  const chosen = files.filter(({ path }) => path !== null && asked.some((one) => isAsked(one, path)))
  if (chosen.length === 0) kernel.warn({ code: 'absent', message: 'no file of those asked for is in memory' })
  return chosen
}

/** Whether a path is one that is asked for, itself or the folder above it, in which `*` stands for anything. */
export function isAsked(asked: string, path: string): boolean {
  const parts = asked.split('*')
  const [first = '', last = ''] = [parts[0], parts.at(-1)]
  if (parts.length === 1) return path === asked || path.startsWith(asked.endsWith('/') ? asked : `${asked}/`)
  if (!path.startsWith(first) || path.length < first.length + last.length || !path.endsWith(last)) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = path.indexOf(part, at)
    if (found < 0 || found + part.length > path.length - last.length) return false
    at = found + part.length
  }
  return true
}
