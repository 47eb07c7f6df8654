import type { Column } from '../api/columns.js'
import { exitCodes } from '../engine/status.js'
import { wrap } from '../output/wrap.js'
import { type Command, type Option, usageOf } from './command.js'
import { columnLines } from './describe.js'
import { labelled } from './labelled.js'
import { textWidth } from './world.js'

/** Areas in the order in which an investigation comes to them; others follow by name. */
const AREAS = [
  'image',
  'containers',
  'processes',
  'files',
  'memory',
  'network',
  'kernel',
  'traces',
  'search',
  'findings',
]

const EXIT_CODES: readonly (readonly [number, string])[] = [
  [exitCodes.complete, 'complete'],
  [exitCodes.internal, 'internal error, or the queue of workers cannot be reached'],
  [exitCodes.usage, 'usage'],
  [exitCodes.evidence, 'the evidence cannot be read'],
  [exitCodes.noSymbols, 'no kernel, symbols or types in it'],
  [exitCodes.partial, 'partial: the warnings say what is missing'],
  [exitCodes.limit, 'a limit was hit'],
  [exitCodes.interrupted, 'interrupted'],
]

function heading(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines]
}

function optionEntry({ alias, name, value, summary }: Option): readonly [string, string] {
  const short = alias === undefined ? '    ' : `-${alias}, `
  return [`${short}--${name}${value === undefined ? '' : ` ${value}`}`, summary]
}

const ALWAYS: readonly Option[] = [
  { name: 'help', alias: 'h', summary: 'Show help: of all, or of the command it stands beside' },
  { name: 'version', alias: 'v', summary: 'Show the version' },
]

export function capitalized(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`
}

/** The areas of some commands or analyzers, in order. */
export function areasOf(commands: readonly { readonly area?: string }[]): string[] {
  const found = [...new Set(commands.flatMap(({ area }) => area ?? []))].sort()
  return [...AREAS.filter((area) => found.includes(area)), ...found.filter((area) => !AREAS.includes(area))]
}

function commandEntry({ name, aliases, summary }: Command): readonly [string, string] {
  return [name, aliases?.length ? `${summary} (also: ${aliases.join(', ')})` : summary]
}

/** What salvor is and can do: every command under its heading, the options that most of them take, the exit codes. */
export function mainHelp(commands: readonly Command[], options: readonly Option[], columns?: number): string {
  const width = textWidth(columns)
  const listed = (area: string | undefined): string[] =>
    labelled(commands.filter((command) => command.area === area).map(commandEntry), width)
  return [
    'Usage: salvor ANALYZER IMAGE [OPTIONS]',
    '       salvor COMMAND ...',
    '',
    ...wrap('Reads a memory image of a Linux host and tells what ran in which container.', width),
    ...areasOf(commands).flatMap((area) => heading(capitalized(area), listed(area))),
    ...heading('Commands', listed(undefined)),
    ...heading('Options', labelled([...options, ...ALWAYS].map(optionEntry), width)),
    ...heading(
      'Exit codes',
      labelled(
        EXIT_CODES.map(([code, what]) => [String(code).padStart(3), what]),
        width,
      ),
    ),
    '',
    ...wrap('salvor help COMMAND tells more; salvor analyzers lists every table with its columns.', width),
  ].join('\n')
}

function columnSections({ columns = {} }: Command, width: number): string[] {
  const entries = Object.entries(columns)
  const section = (title: string, chosen: [string, Column][]): string[] =>
    heading(title, chosen.length === 0 ? [] : columnLines(Object.fromEntries(chosen), width))
  return [
    ...section(
      'Columns',
      entries.filter(([, { detail }]) => detail !== true),
    ),
    ...section(
      'Further columns: in a table with --wide or --columns, in every other format',
      entries.filter(([, { detail }]) => detail === true),
    ),
  ]
}

function isOwn({ own }: Option): boolean {
  return own === true
}

function isGeneral(option: Option): boolean {
  return !isOwn(option)
}

/** All about one command. */
export function commandHelp(command: Command, columns?: number): string {
  const width = textWidth(columns)
  const examples = (command.examples ?? []).flatMap((example) => [
    `  ${example.command}`,
    ...wrap(example.what, width - 6).map((line) => `      ${line}`),
  ])
  return [
    `Usage: ${usageOf(command)} [OPTIONS]`,
    ...(command.aliases?.length ? [`Also called: ${command.aliases.join(', ')}`] : []),
    '',
    ...wrap(`${command.summary}.`, width),
    ...(command.description === undefined ? [] : ['', ...wrap(command.description, width)]),
    ...heading('Examples', examples),
    ...heading(`Options of ${command.name}`, labelled(command.options.filter(isOwn).map(optionEntry), width)),
    ...heading('Options', labelled([...command.options.filter(isGeneral), ...ALWAYS].map(optionEntry), width)),
    ...columnSections(command, width),
  ].join('\n')
}
