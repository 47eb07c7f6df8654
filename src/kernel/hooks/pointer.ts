/** Function pointers that somebody could have changed, and what makes one suspicious. */

import type { Kernel } from '../kernel.js'
import { placeText } from '../places.js'

/** A function pointer as a collector finds it. */
export interface Pointer {
  /** `syscall`, `idt`, `ftrace`, `proc`, `notifier` and so on. */
  kind: string
  /** Which one of its kind: the table's, the file's or the chain's name and the member. */
  name: string | null
  /** Its place in a table or chain. */
  index: number | null
  /** Where it leads. */
  address: bigint
  /**
   * Whose it has to be: the kernel's where the kernel's own data name it, which no module writes to; null where it may be
   * any module's. Modules call each other's functions.
   */
  owner: 'kernel' | null
  /** What its symbol is where nobody has changed it. */
  expected?: string | null
  /** Whether the symbol is one that may stand there; anything that begins at a symbol may, where it is not said. */
  fits?: (symbol: string) => boolean
  /** What was found to be wrong already. */
  wrong?: boolean
  /** It may lie in code that the kernel makes itself, which has no symbol. */
  made?: boolean
}

/** A row of the table. */
export interface KernelHook {
  kind: string
  name: string | null
  index: number | null
  address: bigint
  symbol: string | null
  module: string | null
  expected: string | null
  /** Null where it leads into no code that is known, and modules are missing from their list. */
  suspicious: boolean | null
}

/** Resolves pointers, all in one go; NULL ones are left out. */
export function judge(kernel: Kernel, pointers: readonly Pointer[]): KernelHook[] {
  const set = pointers.filter(({ address }) => address !== 0n)
  const places = kernel.resolve(set.map(({ address }) => address))
  const lost = kernel.lostModules !== null
  return set.map((pointer, row) => {
    const { kind, name, index, address, owner, expected, fits, wrong = false, made = false } = pointer
    const place = places[row] ?? null
    const symbol = placeText(place)
    const known = place === null ? made : owner === null || place.module === owner
    const right = symbol === null || fits === undefined || fits(symbol)
    return {
      kind,
      name,
      index,
      address,
      symbol,
      module: place?.module ?? null,
      expected: expected ?? null,
      suspicious: !wrong && !known && place === null && lost ? null : wrong || !known || !right,
    }
  })
}
