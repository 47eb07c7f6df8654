import type { Analyzer } from '../api/analyzer.js'
import type { Rule } from '../api/rule.js'
import { SalvorError } from './errors.js'
import { needsFault } from './validate-needs.js'
import { isObject, isTexts, optionsFault } from './validate-options.js'
import { ruleFault } from './validate-rule.js'
import { scansFault } from './validate-scans.js'

const columnTypes = new Set([
  'text',
  'integer',
  'count',
  'address',
  'bytes',
  'time',
  'flag',
  'list',
  'record',
  'artifact',
])

type Declared = Readonly<Record<string, unknown>>

function columnFault(name: string, column: unknown): string | undefined {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) return `the column name ${JSON.stringify(name)} is not snake_case`
  if (!isObject(column) || !columnTypes.has(String(column.type))) return `the column ${name} has no known type`
  if (typeof column.description !== 'string' || column.description === '') return `the column ${name} is not described`
  return undefined
}

function columnsFault({ columns }: Declared): string | undefined {
  if (!isObject(columns) || Object.keys(columns).length === 0) return 'it declares no columns'
  for (const [name, column] of Object.entries(columns)) {
    const found = columnFault(name, column)
    if (found !== undefined) return found
  }
  return undefined
}

/** Comes after the columns. */
function keyFault({ key, columns }: Declared): string | undefined {
  if (key === undefined) return undefined
  if (!isTexts(key) || key.length === 0) return 'its key must be a list of columns'
  for (const name of key) {
    const column = (columns as Record<string, { type?: unknown }>)[name]
    if (column === undefined) return `its key names the column ${name}, which it does not declare`
    if (column.type === 'address') return `its key names the address ${name}, which means another thing in every image`
  }
  return undefined
}

/** Comes after the options. */
function asksFault({ asks, options }: Declared): string | undefined {
  if (asks === undefined) return undefined
  if (!isTexts(asks) || asks.length === 0) return 'what it asks for must be a list of its options'
  const unknown = asks.find((name) => !isObject(options) || !Object.hasOwn(options, name))
  return unknown && `it asks for the option ${unknown}, which it does not declare`
}

function sourceFault({ source }: Declared): string | undefined {
  if (source === undefined) return undefined
  const made = isObject(source) && source.kind === 'file' && typeof source.what === 'string' && source.what !== ''
  return made ? undefined : 'its source is not made by file()'
}

/** What is wrong with a value that should be an analyzer, in words, or undefined. */
export function fault(value: unknown): string | undefined {
  if (!isObject(value)) return 'it is not an object made by defineAnalyzer'
  if (typeof value.name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(value.name)) {
    return 'its name is missing or not in lower case with dashes'
  }
  if (typeof value.summary !== 'string' || value.summary === '') return 'its summary is missing'
  if (value.area !== undefined && !/^[a-z]+$/.test(String(value.area))) return 'its area must be one word in lower case'
  if (typeof value.run !== 'function') return 'it has no run function'
  if (value.aliases !== undefined && !isTexts(value.aliases)) return 'its aliases must be a list of names'
  if (value.artifacts !== undefined && (typeof value.artifacts !== 'string' || value.artifacts === '')) {
    return 'its artifacts must be a sentence about the files that it writes'
  }
  if (value.single !== undefined && typeof value.single !== 'boolean') return 'its single must be true or false'
  const parts = [sourceFault, scansFault, columnsFault, keyFault, needsFault]
  for (const part of parts) {
    const found = part(value)
    if (found !== undefined) return found
  }
  return optionsFault(value.options) ?? asksFault(value)
}

/** What a plugin module exports. */
export interface Plugin {
  readonly analyzers: readonly Analyzer[]
  readonly rules: readonly Rule[]
}

function looksLikeAnalyzer(value: unknown): boolean {
  return isObject(value) && ('run' in value || 'columns' in value)
}

function looksLikeRule(value: unknown): boolean {
  return isObject(value) && 'find' in value && 'reads' in value
}

/** The analyzers and rules that a plugin module exports: as default, in a default list, or by name. */
export function pluginOf(module: Record<string, unknown>, origin: string): Plugin {
  const exported = new Set<unknown>()
  for (const [key, value] of Object.entries(module)) {
    const values = Array.isArray(value) ? value : [value]
    for (const one of values) {
      if (key === 'default' || looksLikeAnalyzer(one) || looksLikeRule(one)) exported.add(one)
    }
  }
  if (exported.size === 0) throw new SalvorError('USAGE', `the plugin ${origin} exports no analyzer and no rule`)
  for (const value of exported) {
    const found = looksLikeRule(value) ? ruleFault(value) : fault(value)
    if (found === undefined) continue
    const name = isObject(value) && typeof value.name === 'string' ? ` exports ${JSON.stringify(value.name)}, but` : ':'
    throw new SalvorError('USAGE', `the plugin ${origin}${name} ${found}`)
  }
  const all = [...exported]
  return {
    analyzers: all.filter((value) => !looksLikeRule(value)) as Analyzer[],
    rules: all.filter(looksLikeRule) as Rule[],
  }
}
