import type { Argv } from 'yargs'
import { SalvorError } from '../engine/errors.js'
import { type FormatName, formatNames } from '../output/format.js'

/** The options of every command that runs analyzers. */
export interface RunOptions {
  readonly format: FormatName
  readonly output?: string
  /** Replace an existing file. */
  readonly force: boolean
  readonly columns: readonly string[]
  readonly pid: readonly number[]
  readonly container: readonly string[]
  readonly quiet: boolean
  readonly threads?: number
  readonly cache: boolean
  readonly cacheDir?: string
}

type Raw = Readonly<Record<string, unknown>>

export function addEngineOptions<T>(yargs: Argv<T>): Argv<T> {
  return yargs
    .option('plugin', {
      type: 'string',
      array: true,
      nargs: 1,
      describe: 'A file or npm package with further analyzers; can be repeated',
    })
    .option('threads', { type: 'string', nargs: 1, describe: 'Worker threads at most (default: one per CPU)' })
    .option('quiet', { type: 'boolean', alias: 'q', describe: 'No progress and no notes; warnings and errors stay' })
}

/** For every command that writes files. */
export function addForceOption<T>(yargs: Argv<T>): Argv<T> {
  return yargs.option('force', { type: 'boolean', describe: 'Replace an existing file; never one that is read' })
}

export function addRunOptions<T>(yargs: Argv<T>): Argv<T> {
  return addEngineOptions(
    addForceOption(yargs)
      .option('format', { choices: formatNames, alias: 'f', default: 'table', describe: 'How the table is written' })
      .option('output', { type: 'string', alias: 'o', nargs: 1, describe: 'Write to this file, whole or not at all' })
      .option('columns', { type: 'string', nargs: 1, describe: 'Only these columns, in this order: a,b,c' })
      .option('pid', { type: 'string', array: true, nargs: 1, describe: 'Only rows of this process; can be repeated' })
      .option('container', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'Only rows of the container with this name or beginning of its id; can be repeated',
      }),
  )
    .option('cache', { type: 'boolean', default: true, describe: 'Keep discovered symbols; --no-cache does not' })
    .option('cache-dir', {
      type: 'string',
      nargs: 1,
      describe: 'Where discovered symbols are kept (default: $XDG_CACHE_HOME/salvor)',
    })
}

function wholeNumber(option: string, value: unknown, least: number): number {
  const number = Number(value)
  if (!/^\d+$/.test(String(value)) || !Number.isSafeInteger(number) || number < least) {
    throw new SalvorError('USAGE', `${option} takes a number from ${least} on, not ${JSON.stringify(String(value))}`)
  }
  return number
}

/** The last value if an option that holds one was given several times. */
function single(value: unknown): string | undefined {
  const last = Array.isArray(value) ? value.at(-1) : value
  return typeof last === 'string' ? last : undefined
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

/** Checks what yargs leaves open. */
export function readRunOptions(raw: Raw): RunOptions {
  const output = single(raw.output)
  const threads = single(raw.threads)
  const cacheDir = single(raw.cacheDir)
  if (output === '') throw new SalvorError('USAGE', '--output names no file')
  return {
    format: (single(raw.format) ?? 'table') as FormatName,
    columns: (single(raw.columns) ?? '').split(',').filter((name) => name !== ''),
    pid: texts(raw.pid).map((value) => wholeNumber('--pid', value, 0)),
    container: texts(raw.container).filter((value) => value !== ''),
    force: raw.force === true,
    quiet: raw.quiet === true,
    cache: raw.cache !== false,
    ...(output === undefined ? {} : { output }),
    ...(threads === undefined ? {} : { threads: wholeNumber('--threads', threads, 1) }),
    ...(cacheDir === undefined ? {} : { cacheDir }),
  }
}
