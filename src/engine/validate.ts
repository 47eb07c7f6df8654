import type { Analyzer } from '../api/analyzer.js'
import { SalvorError } from './errors.js'

const columnTypes = new Set(['text', 'integer', 'count', 'address', 'bytes', 'time', 'flag', 'list', 'record'])

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((item) => typeof item === 'string'))
}

function columnFault(name: string, column: unknown): string | undefined {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) return `the column name ${JSON.stringify(name)} is not snake_case`
  if (!isObject(column) || !columnTypes.has(String(column.type))) return `the column ${name} has no known type`
  if (typeof column.description !== 'string' || column.description === '') return `the column ${name} is not described`
  return undefined
}

function columnsFault(columns: unknown): string | undefined {
  if (!isObject(columns) || Object.keys(columns).length === 0) return 'it declares no columns'
  for (const [name, column] of Object.entries(columns)) {
    const found = columnFault(name, column)
    if (found !== undefined) return found
  }
  return undefined
}

function isPattern(value: unknown): boolean {
  if (typeof value === 'string') return value !== ''
  return isObject(value) && typeof value.hex === 'string' && /^\s*(?:[0-9a-f]{2}\s*)+$/i.test(value.hex)
}

function patternsFault({ patterns }: Record<string, unknown>, options: Record<string, unknown>): string | undefined {
  if (Array.isArray(patterns) && patterns.every(isPattern)) return undefined
  const name = isObject(patterns) ? String(patterns.option) : undefined
  if (name === undefined) return 'needs patterns: texts, or bytes as { hex }'
  const option = Object.hasOwn(options, name) ? options[name] : undefined
  const holdsText = isObject(option) && ['text', 'list'].includes(String(option.type))
  return holdsText ? undefined : `takes the option ${name}, which is none of its own that holds text`
}

/** What is wrong with the parameters of each kind of scan. */
const scanFaults: Readonly<Record<string, typeof patternsFault>> = {
  tasks: () => undefined,
  bytes: patternsFault,
}

function scansFault(scans: unknown, options: Record<string, unknown>): string | undefined {
  if (!isObject(scans)) return 'its scans must be an object of scans by name'
  for (const [name, scan] of Object.entries(scans)) {
    const kind = isObject(scan) ? String(scan.kind) : ''
    const faultOf = Object.hasOwn(scanFaults, kind) ? scanFaults[kind] : undefined
    if (faultOf === undefined) return `its scan ${name} is of no known kind: ${Object.keys(scanFaults).join(', ')}`
    const found = faultOf(scan as Record<string, unknown>, options)
    if (found !== undefined) return `its scan ${name} ${found}`
  }
  return undefined
}

/** What is wrong with a value that should be an analyzer, in words, or undefined. */
export function fault(value: unknown): string | undefined {
  if (!isObject(value)) return 'it is not an object made by defineAnalyzer'
  if (typeof value.name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(value.name)) {
    return 'its name is missing or not in lower case with dashes'
  }
  for (const key of ['area', 'summary']) {
    if (typeof value[key] !== 'string' || value[key] === '') return `its ${key} is missing`
  }
  if (typeof value.run !== 'function') return 'it has no run function'
  if (!isTexts(value.aliases)) return 'its aliases must be a list of names'
  if (value.single !== undefined && typeof value.single !== 'boolean') return 'its single must be true or false'
  const scans = scansFault(value.scans ?? {}, isObject(value.options) ? value.options : {})
  if (scans !== undefined) return scans
  return columnsFault(value.columns)
}

function looksLikeAnalyzer(value: unknown): boolean {
  return isObject(value) && ('run' in value || 'columns' in value)
}

/** The analyzers that a plugin module exports: as default, in a default list, or by name. */
export function analyzersOf(module: Record<string, unknown>, origin: string): Analyzer[] {
  const exported = new Set<unknown>()
  for (const [key, value] of Object.entries(module)) {
    const values = Array.isArray(value) ? value : [value]
    for (const one of values) if (key === 'default' || looksLikeAnalyzer(one)) exported.add(one)
  }
  if (exported.size === 0) throw new SalvorError('USAGE', `the plugin ${origin} exports no analyzer`)
  return [...exported].map((value) => {
    const found = fault(value)
    if (found === undefined) return value as Analyzer
    const name = isObject(value) && typeof value.name === 'string' ? ` exports ${JSON.stringify(value.name)}, but` : ':'
    throw new SalvorError('USAGE', `the plugin ${origin}${name} ${found}`)
  })
}
