/** Machine code as text. */

import type { Kernel } from './kernel.js'
import { native } from './native.js'

/**
 * The instructions in some bytes, at most so many, the last of which may be cut off by their end; null where the image is
 * of an architecture that is not disassembled.
 */
export function disassemble(
  kernel: Kernel,
  bytes: Uint8Array,
  address: bigint,
  { bits = 64, most = 16 }: { bits?: 32 | 64; most?: number } = {},
): string[] | null {
  if (!kernel.info.architecture.startsWith('x86')) return null
  return native
    .disassemble(bytes, address, bits)
    .slice(0, most)
    .map(({ text }) => text)
}
