/** The files that are read with an image: the other parts of a dump that was split. */

import { closeSync, constants, openSync, readSync, statSync } from 'node:fs'

/** How each file of such a dump begins. */
const signatures: ReadonlySet<string> = new Set(['KDUMP   ', 'DISKDUMP'])
const SIGNATURE_LENGTH = 8

/** Which they are is for the core to say, and it is asked before it opens the image: what is read is no output. */
export async function companionsOf(image: string): Promise<readonly string[]> {
  if (!signatures.has(startOf(image)) && !image.toLowerCase().endsWith('.vmem')) return []
  // Loaded late: it takes longer than the rest of the check, and other images have no companions.
  const { native } = await import('../kernel/native.js')
  return native.companions(image)
}

/** The first bytes of a regular file. Why there are none is told by whoever opens it. */
function startOf(path: string): string {
  try {
    if (!statSync(path).isFile()) return ''
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const bytes = Buffer.alloc(SIGNATURE_LENGTH)
      return bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, SIGNATURE_LENGTH, 0))
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return ''
  }
}
