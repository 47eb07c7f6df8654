/** Objects as YAML that says why each part is there. No more of YAML than that, and nothing that a text could break out of. */

export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml | Because }

/** A value with the reason for it, which becomes a comment above it. */
export class Because {
  constructor(
    readonly why: string,
    readonly value: Yaml,
  ) {}
}

export function because(why: string, value: Yaml): Because {
  return new Because(why, value)
}

const plain = /^[a-zA-Z][\w./@-]*$/
/** Words that YAML 1.1, which clusters read, takes for something else than text. */
const reserved = /^(?:y|n|yes|no|on|off|true|false|null)$/i
const WIDTH = 100

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

function scalar(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value)
  if (plain.test(value) && !reserved.test(value)) return value
  return `"${value.replace(/[\\"]/g, '\\$&').replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Cn}\p{Co}]/gu, escaped)}"`
}

/** Text of several lines is shown as it is where nothing in it needs escaping, so that it can be read before it is run. */
function isBlock(value: Yaml): value is string {
  return typeof value === 'string' && /^(?! )[\x20-\x7e\t\n]+\n$/.test(value) && !value.endsWith('\n\n')
}

function commentLines(why: string, indent: string): string[] {
  const lines: string[] = []
  let current = ''
  for (const one of why.split(/\s+/)) {
    if (current !== '' && indent.length + current.length + one.length + 3 > WIDTH) {
      lines.push(`${indent}# ${current}`)
      current = one
    } else current = current === '' ? one : `${current} ${one}`
  }
  return [...lines, `${indent}# ${current}`]
}

/** What stands behind a key or a dash: on its line, or below it. */
function below(value: Yaml, indent: string): { head: string; lines: string[] } {
  if (isBlock(value)) {
    const text = value.slice(0, -1).split('\n')
    return { head: ' |', lines: text.map((line) => (line === '' ? '' : `${indent}  ${line}`)) }
  }
  if (typeof value !== 'object') return { head: ` ${scalar(value)}`, lines: [] }
  if (Array.isArray(value)) {
    if (value.length === 0) return { head: ' []', lines: [] }
    return { head: '', lines: value.flatMap((item) => itemLines(item, `${indent}  `)) }
  }
  if (Object.keys(value).length === 0) return { head: ' {}', lines: [] }
  return { head: '', lines: mapLines(value as { readonly [key: string]: Yaml | Because }, `${indent}  `) }
}

function itemLines(item: Yaml, indent: string): string[] {
  const { head, lines } = below(item, indent)
  if (head !== '') return [`${indent}-${head}`, ...lines]
  // The first line of a nested object stands behind the dash, unless it is a comment.
  const [first = '', ...others] = lines
  return first.trimStart().startsWith('#') ? [`${indent}-`, ...lines] : [`${indent}- ${first.trimStart()}`, ...others]
}

function mapLines(map: { readonly [key: string]: Yaml | Because }, indent: string): string[] {
  return Object.entries(map).flatMap(([key, given]) => {
    const value = given instanceof Because ? given.value : given
    const why = given instanceof Because ? commentLines(given.why, indent) : []
    const { head, lines } = below(value, indent)
    return [...why, `${indent}${scalar(key)}:${head}`, ...lines]
  })
}

/** Objects of an API, one document each. */
export function documents(objects: readonly { readonly [key: string]: Yaml | Because }[]): string {
  return objects.map((object) => `${mapLines(object, '').join('\n')}\n`).join('---\n')
}
