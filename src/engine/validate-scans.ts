import { isObject } from './validate-options.js'

type Declared = Readonly<Record<string, unknown>>

function isPattern(value: unknown): boolean {
  if (typeof value === 'string') return value !== ''
  return isObject(value) && typeof value.hex === 'string' && /^\s*(?:[0-9a-f]{2}\s*)+$/i.test(value.hex)
}

function patternsFault({ patterns }: Declared, options: Declared): string | undefined {
  if (Array.isArray(patterns) && patterns.every(isPattern)) return undefined
  const name = isObject(patterns) ? String(patterns.option) : undefined
  if (name === undefined) return 'needs patterns: texts, or bytes as { hex }'
  const option = Object.hasOwn(options, name) ? options[name] : undefined
  const holdsText = isObject(option) && ['text', 'list'].includes(String(option.type))
  return holdsText ? undefined : `takes the option ${name}, which is none of its own that holds text`
}

/** What is wrong with the parameters of each kind of scan. */
const faults: Readonly<Record<string, typeof patternsFault>> = {
  tasks: () => undefined,
  bytes: patternsFault,
}

/** What is wrong with the scans of a declaration, in words, or undefined. */
export function scansFault({ scans, source, options }: Declared): string | undefined {
  if (scans === undefined) return undefined
  if (source !== undefined) return 'it reads a file, and only memory is scanned'
  if (!isObject(scans)) return 'its scans must be an object of scans by name'
  for (const [name, scan] of Object.entries(scans)) {
    const kind = isObject(scan) ? String(scan.kind) : ''
    const faultOf = Object.hasOwn(faults, kind) ? faults[kind] : undefined
    if (faultOf === undefined) return `its scan ${name} is of no known kind: ${Object.keys(faults).join(', ')}`
    const found = faultOf(scan as Declared, isObject(options) ? options : {})
    if (found !== undefined) return `its scan ${name} ${found}`
  }
  return undefined
}
