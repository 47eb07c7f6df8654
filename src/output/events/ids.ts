/** Ids that are the same whenever the same thing is written: the same image gives the same bytes. */

import { createHash } from 'node:crypto'

function formatted(digest: Buffer, version: number): string {
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | (version << 4), 6)
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = digest.toString('hex', 0, 16)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** RFC 9562, version 5: a name within a namespace. */
export function uuid5(namespace: string, name: string): string {
  return formatted(
    createHash('sha1')
      .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
      .update(name)
      .digest(),
    5,
  )
}

/** In the form of version 4, where a format asks for it, but not by chance. */
export function uuid4(...name: readonly unknown[]): string {
  return formatted(createHash('sha256').update(JSON.stringify(name)).digest(), 4)
}

/** JSON of RFC 8785 for what has texts, whole numbers, lists and objects. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`
}
