import { HEX } from '../kernel/scans.js'
import { isObject } from './validate-options.js'

type Declared = Readonly<Record<string, unknown>>

function isPattern(value: unknown): boolean {
  if (typeof value === 'string') return value !== ''
  return isObject(value) && typeof value.hex === 'string' && HEX.test(value.hex)
}

const isText = (value: unknown) => typeof value === 'string' && value !== ''
const isHex = (value: unknown) => typeof value === 'string' && HEX.test(value)

function listFault(value: unknown, is: (one: unknown) => boolean, what: string, options: Declared): string | undefined {
  if (Array.isArray(value) && value.every(is)) return undefined
  const name = isObject(value) ? String(value.option) : undefined
  if (name === undefined) return `needs ${what}`
  const option = Object.hasOwn(options, name) ? options[name] : undefined
  const holdsText = isObject(option) && ['text', 'list'].includes(String(option.type))
  if (!holdsText) return `takes the option ${name}, which is none of its own that holds text`
  const { unless = [] } = value as { unless?: unknown }
  const known = Array.isArray(unless) && unless.every((other) => Object.hasOwn(options, String(other)))
  return known ? undefined : `leaves the option ${name} out where options are given that are none of its own`
}

function patternsFault({ patterns, hex = [], expressions = [] }: Declared, options: Declared): string | undefined {
  return (
    listFault(patterns, isPattern, 'patterns: texts, or bytes as { hex }', options) ??
    listFault(hex, isHex, 'hex: bytes in hexadecimal', options) ??
    listFault(expressions, isText, 'expressions: texts', options)
  )
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
