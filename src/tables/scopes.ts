/** The parts of memory that a search can be asked to keep to. */

import type { Kernel } from '../kernel/kernel.js'
import type { PageFile } from '../kernel/pages/page-files.js'
import { pathIsIn } from '../path-pattern.js'
import { asksFor, type Member } from './members.js'
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
  const isAsked = asksFor(scope.process)
  const chosen = [...membersByMemory(kernel)].filter(
    ([, member]) => isAsked(member) || isIn(scope.in_container, member.container, member.container_name),
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
  const chosen = files.filter(({ path }) => path !== null && asked.some((pattern) => pathIsIn(pattern, path)))
  if (chosen.length === 0) kernel.warn({ code: 'absent', message: 'no file of those asked for is in memory' })
  return chosen
}
