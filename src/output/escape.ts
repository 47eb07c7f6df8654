// Control characters (C0, DEL, C1), format characters (the bidirectional controls and all that is invisible),
// line and paragraph separators, and halves of surrogate pairs.
const hostile = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
// The escape character too: a line break and a backslash with an n behind it must not read alike.
const ambiguous = /[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

const short: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' }

function escaped(character: string): string {
  const known = short[character]
  if (known !== undefined) return known
  const code = character.codePointAt(0) ?? 0
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`
}

/**
 * Text from an image, safe to print: nothing in it can move the cursor, reorder or hide what is beside it. No two texts
 * print alike: a backslash becomes two.
 */
export function printable(text: string): string {
  return text.replace(ambiguous, escaped)
}

/** The same for text whose line breaks are its own: a stack, a page of help. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

function jsonEscaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}

/** JSON text in which the same characters are written as `\uXXXX`: reading it gives the same value. */
export function printableJson(json: string): string {
  return json.replace(hostile, jsonEscaped)
}
