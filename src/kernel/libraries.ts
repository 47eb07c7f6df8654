/** Programs and libraries in a process's memory: what is mapped executable, beside what its loader says it loaded. */

import { append } from '../append.js'
import type { Kernel } from './kernel.js'
import { type LinkMap, type Loaded, readLoaded } from './loader.js'
import { type Mapping, mappingAt, readMappings } from './mappings.js'

/** What the page of system calls is called that the kernel lends. */
export const VDSO = '[vdso]'

/** A file that is mapped executable, or that the loader names. */
export interface Library {
  task: bigint
  path: string | null
  /** Lowest address of the file's mappings; of what is in none of them, what the loader says. */
  base: bigint | null
  /** From there to the end of the last of them, in bytes; null where there is none. */
  size: bigint | null
  inode: number | bigint | null
  device: string | null
  /** What the loader calls it, which may be a link's name; empty for the program itself. */
  name: string | null
  /** mapping, loader. */
  found_by: string[]
  /** Whether the loader's list is complete: `read`, `none`, `absent` or `torn`. */
  loader: Loaded['state']
}

/** All mappings of one file. */
interface Span {
  file: Mapping
  start: bigint
  end: bigint
  executable: boolean
}

/** Programs and libraries of some tasks, in the order of the tasks, lowest first. */
export function readLibraries(kernel: Kernel, tasks: readonly bigint[]): Library[] {
  const mappings = new Map<bigint, Mapping[]>()
  for (const mapping of readMappings(kernel, tasks)) append(mappings, mapping.task, mapping)
  const loaded = readLoaded(kernel, tasks, mappings)
  const count = (state: Loaded['state']) => loaded.filter((list) => list?.state === state).length
  const [absent, torn] = [count('absent'), count('torn')]
  const column = 'found_by'
  if (absent > 0) kernel.warn({ code: 'absent', column, message: "a loader's list is not in memory", count: absent })
  if (torn > 0) kernel.warn({ code: 'torn', column, message: "a loader's list does not come to its end", count: torn })
  return tasks.flatMap((task, index) => {
    const list = loaded[index]
    return list == null ? [] : librariesOf(task, mappings.get(task) ?? [], list)
  })
}

function librariesOf(task: bigint, mappings: readonly Mapping[], { maps, state }: Loaded): Library[] {
  const spans = spansOf(mappings)
  const named = new Map<Span, LinkMap>()
  const elsewhere: LinkMap[] = []
  for (const map of maps) {
    // Its dynamic section lies in its own mappings, whatever the loader calls it.
    const mapping = mappingAt(mappings, map.dynamic)
    const span = mapping && spans.get(fileKey(mapping))
    if (span !== undefined) named.set(span, map)
    // The page that the kernel lends is on the list, and no file.
    else if (mapping?.path !== VDSO) elsewhere.push(map)
  }
  const mapped = [...spans.values()].filter((span) => span.executable || named.has(span))
  const libraries = [
    ...mapped.map((span) => mappedLibrary(task, span, named.get(span), state)),
    ...elsewhere.map((map) => unmappedLibrary(task, map, state)),
  ]
  return libraries.sort((left, right) => ((left.base ?? 0n) < (right.base ?? 0n) ? -1 : 1))
}

/** What mappings of one file have in common. */
export function fileKey({ path, device, inode }: Mapping): string {
  return `${path}\0${device}\0${inode}`
}

/** Mapped files with where their mappings begin and end. */
function spansOf(mappings: readonly Mapping[]): Map<string, Span> {
  const spans = new Map<string, Span>()
  for (const mapping of mappings) {
    const { start, end, permissions, inode } = mapping
    if (inode === null || start === null || end === null) continue
    const executable = permissions?.[2] === 'x'
    const key = fileKey(mapping)
    const known = spans.get(key)
    if (known === undefined) spans.set(key, { file: mapping, start, end, executable })
    else {
      if (start < known.start) known.start = start
      if (end > known.end) known.end = end
      known.executable ||= executable
    }
  }
  return spans
}

function mappedLibrary(task: bigint, span: Span, map: LinkMap | undefined, loader: Loaded['state']): Library {
  const { path, inode, device } = span.file
  return {
    task,
    path,
    base: span.start,
    size: span.end - span.start,
    inode,
    device,
    name: map?.name ?? null,
    found_by: map === undefined ? ['mapping'] : ['mapping', 'loader'],
    loader,
  }
}

function unmappedLibrary(task: bigint, { name, base }: LinkMap, loader: Loaded['state']): Library {
  return { task, path: name, base, size: null, inode: null, device: null, name, found_by: ['loader'], loader }
}
