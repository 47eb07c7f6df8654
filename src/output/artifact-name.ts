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

/** Bytes of folders' names and of a file's, together: well within what a path may have (PATH_MAX). */
const LONGEST_PATH = 2000

/** The same of folders and the file in them. What would be too long lies in fewer folders, by a name of all that is left. */
export function artifactPath(names: readonly string[]): string[] {
  const path: string[] = []
  let bytes = LONGEST
  for (const [index, name] of names.entries()) {
    const plain = artifactName(name)
    bytes += Buffer.byteLength(plain) + 1
    if (bytes > LONGEST_PATH || index === names.length - 1) return [...path, artifactName(names.slice(index).join('/'))]
    path.push(plain)
  }
  return [artifactName('')]
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
