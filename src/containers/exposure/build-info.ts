/**
 * What Go writes into each program of how it was built (debug/buildinfo of Go 1.18 on): a mark that lies on a multiple of 16,
 * and from 32 bytes on two texts, each with its length before it: Go's version, and lines of the program's path, its module
 * with a version, and its settings.
 */

const MARK = Buffer.from('\xff Go buildinf:', 'latin1')
const ALIGNED = 16
const TEXTS = 32
/** Set where the texts are here, and not behind pointers as before Go 1.18. */
const INLINE = 2
/** Around the lines, so that they are found in a program (cmd/go/internal/modload/build.go). */
const AROUND = 16
/** Longer ones of a large program with all that it is made of take less. */
export const LONGEST_BUILD_INFO = 1 << 16

export interface BuildInfo {
  /** As github.com/opencontainers/runc. */
  readonly path: string
  /** Null where its builder did not say it: distributions that trim paths do not. */
  readonly version: string | null
}

/** The first in some bytes of a program, which begin on a multiple of 16 of its file. */
export function findBuildInfo(bytes: Uint8Array): BuildInfo | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = buffer.indexOf(MARK); at >= 0; at = buffer.indexOf(MARK, at + 1)) {
    if (at % ALIGNED !== 0 || ((bytes[at + ALIGNED - 1] ?? 0) & INLINE) === 0) continue
    const language = lengthened(bytes, at + TEXTS)
    const lines = language && lengthened(bytes, language.end)
    const found = lines === null ? null : readLines(new TextDecoder('latin1').decode(lines.text.slice(AROUND, -AROUND)))
    if (found !== null) return found
  }
  return null
}

/** A text with its length before it, in groups of seven bits. */
function lengthened(bytes: Uint8Array, from: number): { text: Uint8Array; end: number } | null {
  let [length, shift, at] = [0, 0, from]
  for (; ; at++, shift += 7) {
    const byte = bytes[at]
    if (byte === undefined || shift > 21) return null
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  const end = at + 1 + length
  return length > LONGEST_BUILD_INFO || end > bytes.length ? null : { text: bytes.subarray(at + 1, end), end }
}

function readLines(lines: string): BuildInfo | null {
  const path = /^path\t([\w./~-]{1,256})$/m.exec(lines)?.[1]
  if (path === undefined) return null
  // A version made up of a commit's time is none.
  const module = /^mod\t[^\t\n]{1,256}\t(v(?!0\.0\.0-)[^\t\n]{1,128})/m.exec(lines)?.[1]
  // The linker is told it: -X main.version=1.1.12.
  const told = /[\w./-]{1,128}\.[vV]ersion=["']?(v?\d[\w.+~-]{0,64})/.exec(lines)?.[1]
  return { path, version: told ?? module ?? null }
}
