import { SalvorError } from '../engine/errors.js'
import { anyOf, choice } from '../engine/words.js'
import type { Condition } from '../output/filter.js'
import { type FormatName, formatNames } from '../output/format.js'
import type { SortKey } from '../output/selection.js'
import type { Option } from './command.js'

/** The options of every command that runs analyzers. */
export interface RunOptions {
  readonly format: FormatName
  readonly output?: string
  /** The folder of analyzers' files. */
  readonly outputDir?: string
  /** Replace an existing file. */
  readonly force: boolean
  readonly columns: readonly string[]
  readonly wide: boolean
  readonly sort: readonly SortKey[]
  readonly limit?: number
  readonly pid: readonly number[]
  readonly container: readonly string[]
  readonly where: readonly Condition[]
  readonly quiet: boolean
  readonly threads?: number
  readonly timeout?: number
  readonly memory?: number
  readonly cache: boolean
  readonly cacheDir?: string
  readonly unpackLimit?: number
  /** Files and folders of symbols and types. */
  readonly symbols: readonly string[]
  readonly spoolDir?: string
  /** GiB. */
  readonly spoolLimit?: number
  readonly s3Endpoint?: string
  /** Tables are parts of a page about one of these, which need not be named in each row. */
  readonly page?: 'container' | 'pod'
}

type Raw = Readonly<Record<string, unknown>>

/** What every command takes that loads analyzers. */
export const pluginOption: Option = {
  name: 'plugin',
  value: 'PATH',
  repeatable: true,
  summary: 'A .ts or .js file or an npm package with further analyzers; can be repeated',
}

/** For every command that writes files. */
export const forceOption: Option = { name: 'force', summary: 'Replace an existing file; never one that is read' }

/** For analyzers that write files. */
export const artifactOption: Option = {
  name: 'output-dir',
  alias: 'd',
  value: 'DIR',
  summary: 'The folder for the files that analyzers write: empty, or made for it',
}

export const quietOption: Option = {
  name: 'quiet',
  alias: 'q',
  summary: 'No progress and no notes; warnings and errors stay',
}

export const engineOptions: readonly Option[] = [
  pluginOption,
  { name: 'threads', value: 'N', summary: 'Worker threads at most (default: one per CPU)' },
  { name: 'timeout', value: 'N', summary: 'End a table that takes longer than N seconds; the others go on' },
  { name: 'memory', value: 'N', summary: 'End a table that takes more than N MiB of memory; the others go on' },
  quietOption,
]

/** The options of every command that gives tables. */
export const tableOptions: readonly Option[] = [
  {
    name: 'format',
    alias: 'f',
    value: 'FORMAT',
    choices: formatNames,
    summary: `${anyOf(formatNames)} (default: what the name of --output ends in, else table)`,
  },
  {
    name: 'output',
    alias: 'o',
    value: 'FILE',
    summary: 'Write to this file, whole or not at all; - is standard output',
  },
  forceOption,
  { name: 'columns', value: 'A,B,C', summary: 'Only these columns, in this order' },
  { name: 'wide', alias: 'w', summary: 'A table with all its columns, and with every cell whole' },
  {
    name: 'sort',
    value: 'A,B,C',
    summary: 'Rows ordered by these columns, nulls last; -A or A:desc is from the greatest down',
  },
  { name: 'limit', value: 'N', summary: 'No more than N rows of a table' },
  { name: 'pid', value: 'N,N', repeatable: true, summary: 'Only rows of these processes' },
  {
    name: 'container',
    value: 'X,Y',
    repeatable: true,
    summary: 'Only rows of these containers: by id, by name or by the beginning of either; pod:NAME for those of a pod',
  },
  {
    name: 'where',
    value: 'COLUMN=VALUE',
    repeatable: true,
    summary:
      'Only rows in which a column has this value, as JSON has it; of a list, any item; COLUMN!=VALUE for the others',
  },
  ...engineOptions,
]

function named(...names: string[]): readonly Option[] {
  return tableOptions.filter(({ name }) => names.includes(name))
}

/** Of every command that writes one table of its own, from a case. */
export const writingOptions: readonly Option[] = [...named('format', 'output', 'wide'), forceOption]

/** Where what salvor finds out of images is kept. */
export const cacheOptions: readonly Option[] = [
  { name: 'no-cache', summary: 'Keep no discovered symbols, and unpack no images' },
  {
    name: 'cache-dir',
    value: 'DIR',
    summary: 'Where discovered symbols and unpacked images are kept (default: $XDG_CACHE_HOME/salvor)',
  },
]

/** Of every command that may ask a bucket. */
export const endpointOption: Option = {
  name: 's3-endpoint',
  value: 'URL',
  summary: 'The S3 server, if not that of AWS (default: $AWS_ENDPOINT_URL)',
}

/** How images come here that are no files. */
export const intakeOptions: readonly Option[] = [
  {
    name: 'spool-dir',
    value: 'DIR',
    summary: 'Where an image is kept that is piped in or fetched (default: the cache)',
  },
  { name: 'spool-limit', value: 'N', summary: 'Most GiB of an image that is piped in or fetched (default: 256)' },
  endpointOption,
]

/** For every command that opens memory images. */
export const symbolsOption: Option = {
  name: 'symbols',
  value: 'PATH',
  repeatable: true,
  summary: 'A file or folder of symbols and types that count before the image’s own (docs/symbols.md); can be repeated',
}

/** For every command that opens images: one that is packed is unpacked for it. */
export const unpackOption: Option = {
  name: 'unpack-limit',
  value: 'N',
  summary: 'Most GiB of a compressed image, unpacked (default: 256)',
}

/** The options of every command that gives tables of memory images. */
export const runOptions: readonly Option[] = [
  ...tableOptions,
  ...cacheOptions,
  symbolsOption,
  unpackOption,
  ...intakeOptions,
]

export function wholeNumber(option: string, value: unknown, least: number): number {
  const number = Number(value)
  if (!/^\d+$/.test(String(value)) || !Number.isSafeInteger(number) || number < least) {
    throw new SalvorError('USAGE', `${option} takes a number from ${least} on, not ${JSON.stringify(String(value))}`)
  }
  return number
}

/** The address of a server, without what would be a secret or no part of it. */
function serverUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined
  const fits = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.search === ''
  if (fits) return url.href
  throw new SalvorError('USAGE', `--s3-endpoint takes http://HOST:PORT or https://HOST, without names or keys in it`)
}

/** The last value if an option that holds one was given several times. */
export function singleOption(value: unknown): string | undefined {
  const last = Array.isArray(value) ? value.at(-1) : value
  return typeof last === 'string' ? last : undefined
}

/** A number from `least` on, where the option is given. */
export function optionalNumber(option: string, value: unknown, least = 1): number | undefined {
  const given = singleOption(value)
  return given === undefined ? undefined : wholeNumber(option, given, least)
}

/** The items of comma-separated lists, however often the option was given. */
function items(value: unknown): string[] {
  const lists = Array.isArray(value) ? value : value === undefined ? [] : [value]
  return lists.flatMap((list) => String(list).split(',')).flatMap((item) => item.trim() || [])
}

/** Each value of an option that is given whole, for it may have commas. */
function whole(value: unknown): string[] {
  return (Array.isArray(value) ? value : value === undefined ? [] : [value]).map(String)
}

function condition(text: string): Condition {
  const [, column, operator, value = ''] = /^([\w-]+)(!?=)(.*)$/s.exec(text) ?? []
  if (column === undefined) {
    throw new SalvorError('USAGE', `--where takes COLUMN=VALUE or COLUMN!=VALUE, not ${JSON.stringify(text)}`)
  }
  return { column, value, negated: operator === '!=' }
}

const formatsByEnding: Readonly<Record<string, FormatName>> = {
  '.json': 'json',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.csv': 'csv',
  '.sarif': 'sarif',
  '.txt': 'table',
}

/** The format that a file's name asks for. */
export function formatOfName(name: string): FormatName | undefined {
  return formatsByEnding[/\.\w+$/.exec(name)?.[0].toLowerCase() ?? '']
}

function sortKey(item: string): SortKey {
  const [, minus, column = '', order] = /^(-?)(.*?)(?::(asc|desc))?$/.exec(item) ?? []
  // A minus alone is a name, though of no column.
  return { column: column || item, descending: (minus === '-') !== (order === 'desc') }
}

/** Checks what yargs leaves open. */
export function readRunOptions(raw: Raw): RunOptions {
  const output = singleOption(raw.output)
  const outputDir = singleOption(raw.outputDir)
  const threads = singleOption(raw.threads)
  const timeout = singleOption(raw.timeout)
  const memory = singleOption(raw.memory)
  const cacheDir = singleOption(raw.cacheDir)
  const unpackLimit = singleOption(raw.unpackLimit)
  const spoolDir = singleOption(raw.spoolDir)
  const spoolLimit = singleOption(raw.spoolLimit)
  const s3Endpoint = singleOption(raw.s3Endpoint)
  const limit = singleOption(raw.limit)
  const format = singleOption(raw.format)
  return {
    format: format === undefined ? (formatOfName(output ?? '') ?? 'table') : choice('--format', format, formatNames),
    columns: items(raw.columns),
    wide: raw.wide === true,
    sort: items(raw.sort).map(sortKey),
    pid: items(raw.pid).map((value) => wholeNumber('--pid', value, 0)),
    container: items(raw.container),
    where: whole(raw.where).map(condition),
    force: raw.force === true,
    quiet: raw.quiet === true,
    cache: raw.cache !== false,
    symbols: whole(raw.symbols),
    ...(output === undefined || output === '-' ? {} : { output }),
    ...(outputDir === undefined ? {} : { outputDir }),
    ...(limit === undefined ? {} : { limit: wholeNumber('--limit', limit, 1) }),
    ...(threads === undefined ? {} : { threads: wholeNumber('--threads', threads, 1) }),
    ...(timeout === undefined ? {} : { timeout: wholeNumber('--timeout', timeout, 1) }),
    ...(memory === undefined ? {} : { memory: wholeNumber('--memory', memory, 16) }),
    ...(cacheDir === undefined ? {} : { cacheDir }),
    ...(unpackLimit === undefined ? {} : { unpackLimit: wholeNumber('--unpack-limit', unpackLimit, 1) }),
    ...(spoolDir === undefined ? {} : { spoolDir }),
    ...(spoolLimit === undefined ? {} : { spoolLimit: wholeNumber('--spool-limit', spoolLimit, 1) }),
    ...(s3Endpoint === undefined ? {} : { s3Endpoint: serverUrl(s3Endpoint) }),
  }
}
