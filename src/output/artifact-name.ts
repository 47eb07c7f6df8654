/** Bytes of a name: what file systems have at least (NAME_MAX), less room for a number. */
const LONGEST = 200

/**
 * A name out of an image as that of one file in one folder: no path, nothing hidden, nothing that a terminal or a
 * program would take for more than a name.
 */
export function artifactName(name: string): string {
  // Half of a surrogate pair is of \p{C}, like controls and what turns writing around.
  const plain = name.replaceAll(/[\p{C}\p{Zl}\p{Zp}/\\]/gu, '_').replace(/^[.\-~]/, '_')
  return plain === '' ? 'unnamed' : cut(plain)
}

function cut(name: string): string {
  if (Buffer.byteLength(name) <= LONGEST) return name
  const bytes = Buffer.from(name).subarray(0, LONGEST)
  // A character that was cut in two is none.
  return bytes.toString().replace(/\ufffd+$/, '')
}

/** The same name once more: `passwd`, `passwd~2`, `passwd~3`. */
export function numbered(name: string, count: number): string {
  return count === 1 ? name : `${name}~${count}`
}
