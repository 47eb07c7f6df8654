/** ELF files in the memory of processes: mapped by the loader, or written there by somebody else. */

import { type ElfHeader, type ElfSegment, elfHeader, HEADER, loadedSize, segmentsOf } from './elf.js'
import type { Kernel } from './kernel.js'
import { type Mapping, readMappings } from './mappings.js'
import { TASK_STRUCT } from './objects.js'
import { ProcessMemory } from './user-memory.js'

/** A mapping that begins with an ELF header. */
export interface ElfFile extends Mapping {
  header: ElfHeader
  /** What of it is loaded; none where its table of segments is not in memory. */
  segments: readonly ElfSegment[]
  /** What of that is for the dynamic loader; null where there is nothing. */
  dynamic: ElfSegment | null
  memory: ProcessMemory
  /** Bytes from the first to the last that its segments load; null where its table of segments is not in memory. */
  size: bigint | null
}

/** All ELF files at the start of mappings of some tasks, in their order. */
export function readElfFiles(kernel: Kernel, tasks: readonly bigint[]): ElfFile[] {
  const owners = kernel.at(tasks, TASK_STRUCT).select({ mm: 'mm' })
  const memories = new Map(
    tasks.map((task, row) => [task, ProcessMemory.at(kernel, owners.column('mm').bigint(row) ?? 0n, [])]),
  )
  return readMappings(kernel, tasks).flatMap((mapping): ElfFile[] => {
    const memory = memories.get(mapping.task)
    const start = memory === undefined || mapping.start === null ? null : memory.readWhole(mapping.start, HEADER)
    const header = start === null ? null : elfHeader(start)
    if (memory === undefined || header === null) return []
    const table = tableOf(memory, mapping.start ?? 0n, header)
    const segments = table === null ? [] : segmentsOf(header, table, 'loaded')
    const [dynamic = null] = table === null ? [] : segmentsOf(header, table, 'dynamic')
    return [{ ...mapping, header, segments, dynamic, size: loadedSize(segments), memory }]
  })
}

function tableOf(memory: ProcessMemory, start: bigint, header: ElfHeader): DataView | null {
  if (header.segmentsLength === 0) return null
  return memory.readWhole(BigInt.asUintN(64, start + header.segmentsAt), header.segmentsLength)
}
