/**
 * Imported functions of processes that do not lead where their loader would have them lead: what is written into the slots
 * through which programs and libraries call each other (the global offset table) hooks a function without changing code.
 */

import { append } from '../append.js'
import type { Definition, DynamicTables, Import } from './dynamic-tables.js'
import type { Kernel } from './kernel.js'
import { fileKey, VDSO } from './libraries.js'
import { type LoadedObject, type LoadedObjects, ObjectReader } from './loaded-objects.js'
import { readLoaded } from './loader.js'
import { type Mapping, mappingAt, readMappings } from './mappings.js'
import type { ProgramWords } from './program-words.js'

/** Bytes of slots that are read at once. */
const PART = 4096n

/**
 * Where a function leads to: `anonymous` (executable memory without a file), `unlisted` (a file that the loader did not
 * load), `elsewhere` (a place of a loaded file where no function of this name begins), `preloaded` (the function of this
 * name of a library that nothing needs, before the one that is needed).
 */
export type ImportReason = 'anonymous' | 'unlisted' | 'elsewhere' | 'preloaded'

/** A slot that leads elsewhere. */
export interface ImportHook {
  task: bigint
  /** Path of the program or library that calls. */
  library: string | null
  /** Where its slot is, from where it is loaded. */
  offset: bigint
  slot: bigint
  function: string | null
  reason: ImportReason
  target: bigint
  /** File that it leads to; what the kernel calls the memory, null for memory without a name. */
  target_path: string | null
  /** The first in the loader's order that has a function of this name and is not the one that it leads to. */
  expected: string | null
}

/** All such slots of some tasks, in their order. */
export function readImportHooks(kernel: Kernel, tasks: readonly bigint[]): ImportHook[] {
  const mappings = new Map<bigint, Mapping[]>()
  for (const mapping of readMappings(kernel, tasks)) append(mappings, mapping.task, mapping)
  const loaded = readLoaded(kernel, tasks, mappings)
  const reader = new ObjectReader(kernel)
  const doubts = new Doubts(kernel)
  const hooks = tasks.flatMap((task, index): ImportHook[] => {
    const list = loaded[index]
    if (list?.words == null) return []
    const own = mappings.get(task) ?? []
    const objects = reader.read(list, own)
    if (!objects.whole) doubts.lists++
    const process = new Process(own, list.words, objects)
    return process.hooks(doubts).map((hook) => ({ task, ...hook }))
  })
  doubts.tell()
  return hooks
}

/** What could not be looked at. */
class Doubts {
  lists = 0
  objects = 0
  slots = 0
  unknown = 0
  torn = 0
  readonly #kernel: Kernel

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  tell(): void {
    const warn = (code: 'absent' | 'torn', message: string, count: number) => {
      if (count > 0) this.#kernel.warn({ code, message, count })
    }
    warn('absent', "a loader's list is not whole: imports of what is not on it are not looked at", this.lists)
    warn('absent', 'the dynamic section of a loaded file is not in memory: its imports are not looked at', this.objects)
    warn('absent', 'a slot of an import is not in memory', this.slots)
    warn(
      'absent',
      'what an import leads to has symbols that are not in memory: whether it is hooked is not known',
      this.unknown,
    )
    warn('torn', 'an import leads to what is not executable: it was read at another time, or is no address', this.torn)
  }
}

type Hook = Omit<ImportHook, 'task'>
/** An object with tables. */
type Known = LoadedObject & { readonly tables: DynamicTables }

/** One process's objects, by where they are. */
class Process {
  readonly #mappings: readonly Mapping[]
  readonly #words: ProgramWords
  readonly #files: LoadedObjects['files']
  readonly #whole: boolean
  /** In the loader's order. */
  readonly #objects: readonly LoadedObject[]
  /** Those that nothing needs, so that they were asked for beside the program; none where that is not known. */
  readonly #unneeded: ReadonlySet<LoadedObject>

  constructor(mappings: readonly Mapping[], words: ProgramWords, { files, whole }: LoadedObjects) {
    this.#mappings = mappings
    this.#words = words
    this.#files = files
    this.#whole = whole
    this.#objects = [...files.values()].flat().sort((left, right) => left.order - right.order)
    this.#unneeded = new Set(whole ? unneededOf(this.#objects) : [])
  }

  hooks(doubts: Doubts): Hook[] {
    return this.#objects.flatMap((object) => {
      if (isKnown(object)) return this.#hooksOf(object, doubts)
      doubts.objects++
      return []
    })
  }

  #hooksOf(object: Known, doubts: Doubts): Hook[] {
    const slots = new Slots(this.#words, doubts)
    const hooks = object.tables.imports.flatMap((imported) => {
      const slot = object.base + imported.slot
      const target = slots.read(slot)
      return target === null || target === 0n ? [] : this.#judge(object, imported, target, doubts)
    })
    if (object.tables.incomplete.imports) doubts.objects++
    return hooks
  }

  #judge(object: Known, imported: Import, target: bigint, doubts: Doubts): Hook[] {
    const mapping = mappingAt(this.#mappings, target)
    if (mapping === undefined || mapping.permissions?.includes('x') !== true) {
      if (imported.jump) doubts.torn++
      return []
    }
    const key = mapping.inode === null ? null : fileKey(mapping)
    const targets = key === null ? undefined : this.#files.get(key)
    // What was not called yet leads back into the object's own code, which asks the loader.
    if (targets?.includes(object)) return []
    // No function has an empty one: its symbol, or the page of names, is of zeros.
    const name = object.tables.nameOf(imported.symbol) || null
    const reason = this.#reasonFor(name, target, mapping, targets)
    if (reason === 'unknown') doubts.unknown++
    if (reason === null || reason === 'unknown') return []
    const expected = name === null ? undefined : this.#definers(name).find((definer) => !targets?.includes(definer))
    return [
      {
        library: object.path,
        offset: imported.slot,
        slot: object.base + imported.slot,
        function: name,
        reason,
        target,
        target_path: mapping.path,
        expected: expected?.path ?? null,
      },
    ]
  }

  #reasonFor(
    name: string | null,
    target: bigint,
    mapping: Mapping,
    targets: readonly LoadedObject[] | undefined,
  ): ImportReason | 'unknown' | null {
    if (mapping.path === VDSO) return this.#isIndirect(name)
    if (mapping.inode === null) return mapping.offset === null ? 'anonymous' : 'unknown'
    if (targets === undefined) return this.#whole ? 'unlisted' : 'unknown'
    if (name === null) return 'unknown'
    const found = targets.find((object) => defines(object, name, target))
    if (found !== undefined) return this.#isPreloaded(found, name) ? 'preloaded' : null
    return targets.some((object) => definitionsOf(object, name) === null) ? 'unknown' : 'elsewhere'
  }

  /** Only a function that says itself where it is may be where the kernel lends some. */
  #isIndirect(name: string | null): ImportReason | 'unknown' | null {
    if (name === null) return 'unknown'
    const all = this.#objects.map((object) => definitionsOf(object, name))
    if (all.some((definitions) => definitions?.some(({ indirect }) => indirect))) return null
    return all.includes(null) ? 'unknown' : 'elsewhere'
  }

  /** It stands before the one that has the function, and nothing needs it. */
  #isPreloaded(object: LoadedObject, name: string): boolean {
    return this.#unneeded.has(object) && this.#definers(name).some(({ order }) => order > object.order)
  }

  #definers(name: string): LoadedObject[] {
    return this.#objects.filter((object) => (definitionsOf(object, name)?.length ?? 0) > 0)
  }
}

function isKnown(object: LoadedObject): object is Known {
  return object.tables !== null
}

function definitionsOf({ tables }: LoadedObject, name: string): readonly Definition[] | null {
  return tables?.definitions(name) ?? null
}

/** Whether a function of an object begins at an address: one that says itself where it is may be anywhere in it. */
function defines(object: LoadedObject, name: string, target: bigint): boolean {
  const definitions = definitionsOf(object, name)
  return definitions?.some(({ value, indirect }) => indirect || object.base + value === target) ?? false
}

/** Objects of a process that no other needs; none where that is not known of all. The first is the program itself. */
function unneededOf(objects: readonly LoadedObject[]): LoadedObject[] {
  const needed = new Set(objects.flatMap(({ tables }) => tables?.needed ?? []))
  if (objects.some(({ tables }) => tables === null || tables.incomplete.needed)) return []
  return objects.filter((object) => object.order !== 0 && !namesOf(object).some((name) => needed.has(name)))
}

/** What others may need an object by. */
function namesOf({ path, name, tables }: LoadedObject): string[] {
  return [tables?.soname, name, path].flatMap((name) => (name ? [name, name.slice(name.lastIndexOf('/') + 1)] : []))
}

/** Words of a process's memory, of which a page is read once. */
class Slots {
  readonly #words: ProgramWords
  readonly #doubts: Doubts
  readonly #pages = new Map<bigint, DataView | null>()

  constructor(words: ProgramWords, doubts: Doubts) {
    this.#words = words
    this.#doubts = doubts
  }

  /** Null where nothing is: the loader has written nothing there yet, or it is not in memory. */
  read(address: bigint): bigint | null {
    const start = address - (address % PART)
    const within = Number(address - start)
    const page = this.#page(start)
    const { width } = this.#words
    if (page === null || within + width > page.byteLength) return null
    return width === 8 ? page.getBigUint64(within, true) : BigInt(page.getUint32(within, true))
  }

  #page(start: bigint): DataView | null {
    const known = this.#pages.get(start)
    if (known !== undefined) return known
    const [piece] = this.#words.memory.read(start, Number(PART))
    const bytes = piece !== undefined && 'bytes' in piece ? piece.bytes : null
    if (piece !== undefined && 'missing' in piece && piece.missing !== 'absent') this.#doubts.slots++
    const page = bytes === null ? null : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#pages.set(start, page)
    return page
  }
}
