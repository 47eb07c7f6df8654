/** The interactive shell of `salvor sql`. */

import { readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { savedQueries, savedQuery } from '../case/saved-queries.js'
import type { SqlNames, SqlResult, SqlSource } from '../case/sql.js'
import { toFailure } from '../engine/errors.js'
import { makeFolder } from '../make-folder.js'
import { printable } from '../output/escape.js'
import type { World } from './world.js'

const MOST_HISTORY = 1000

const WORDS = [
  'SELECT',
  'FROM',
  'WHERE',
  'JOIN',
  'LEFT',
  'ON',
  'USING',
  'GROUP BY',
  'ORDER BY',
  'HAVING',
  'LIMIT',
  'DISTINCT',
  'count',
  'WITH',
  'AS',
  'AND',
  'OR',
  'NOT',
  'IN',
  'LIKE',
  'ILIKE',
  'IS NULL',
  'DESC',
  'DESCRIBE',
  'SUMMARIZE',
]

const HELP = `.tables          the tables
.columns TABLE   the columns of one
.saved [NAME]    the queries that salvor brings along, or one of them run
.quit            ends the shell; so does Ctrl-D
A statement ends with a semicolon.
`

/** What may stand where a line ends: columns of a table after its name and a dot, else names of any kind. */
export function completions(line: string, names: SqlNames): [string[], string] {
  const [, table, word = ''] = /(?:(\w+)\.)?([.\w-]*)$/.exec(line) ?? []
  const columns = table === undefined ? undefined : names.get(table)
  if (columns !== undefined)
    return [columns.filter((name) => name.startsWith(word)).map((name) => `${table}.${name}`), `${table}.${word}`]
  const named = [...names.keys()]
  const mentioned = named.filter((name) => new RegExp(`\\b${name}\\b`).test(line))
  const near = mentioned.length > 0 ? mentioned : named
  const all = [
    ...named,
    ...near.flatMap((name) => names.get(name) ?? []),
    ...WORDS,
    '.tables',
    '.columns',
    '.saved',
    '.quit',
  ]
  const found = [...new Set(all)].filter((name) => name.toLowerCase().startsWith(word.toLowerCase()))
  return [found.sort(), word]
}

function historyPath({ env }: World): string {
  const home = env.HOME === undefined || env.HOME === '' ? homedir() : env.HOME
  const base = env.XDG_STATE_HOME?.startsWith('/') ? env.XDG_STATE_HOME : join(home, '.local', 'state')
  return join(base, 'salvor', 'sql-history')
}

function readHistory(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  } catch {
    return []
  }
}

/** Kept for the owner alone: queries name hosts and people. */
function writeHistory(path: string, history: readonly string[]): void {
  try {
    makeFolder(dirname(path))
    writeFileSync(path, `${history.slice(0, MOST_HISTORY).join('\n')}\n`, { mode: 0o600 })
  } catch {
    // A home that cannot be written to has no history.
  }
}

/** Reads statements until the input ends. What is wrong with one is told, and the shell goes on. */
export async function runShell(
  world: World,
  source: SqlSource,
  write: (result: SqlResult) => Promise<void>,
): Promise<void> {
  const names = await source.names()
  const terminal = process.stdin.isTTY === true && world.stdout.isTTY === true
  const path = historyPath(world)
  const shell = createInterface({
    input: process.stdin,
    ...(terminal ? { output: world.stdout } : {}),
    terminal,
    history: terminal ? readHistory(path) : [],
    historySize: MOST_HISTORY,
    removeHistoryDuplicates: true,
    completer: (line: string) => completions(line, names),
  })
  let history: readonly string[] = []
  shell.on('history', (lines: string[]) => {
    history = [...lines]
  })
  world.signal.addEventListener('abort', () => shell.close(), { once: true })
  const perform = async (text: string): Promise<boolean> => {
    const [command, argument] = text.split(/\s+/)
    if (command === '.quit') return false
    if (command === '.help') world.stdout.write(HELP)
    else if (command === '.tables') world.stdout.write(`${[...names.keys()].sort().map(printable).join('\n')}\n`)
    else if (command === '.columns')
      world.stdout.write(`${(names.get(argument ?? '') ?? []).map(printable).join('\n')}\n`)
    else if (command === '.saved' && argument === undefined)
      world.stdout.write(
        `${savedQueries()
          .map(({ name, what }) => `${name}: ${what}`)
          .join('\n')}\n`,
      )
    else await write(await source.query(command === '.saved' ? savedQuery(argument ?? '').sql : text))
    return true
  }
  if (terminal) world.stdout.write('SQL over these tables; .help tells more\n')
  let text = ''
  const prompt = (): void => {
    shell.setPrompt(text === '' ? 'salvor> ' : '   ...> ')
    if (terminal) shell.prompt()
  }
  prompt()
  for await (const line of shell) {
    text = text === '' ? line.trim() : `${text}\n${line}`
    const whole = text.trimEnd().endsWith(';') || (text.startsWith('.') && !text.includes('\n'))
    if (text !== '' && whole) {
      const statement = text
      text = ''
      try {
        if (!(await perform(statement))) break
      } catch (error) {
        world.stderr.write(`${printable(`salvor: ${toFailure(error).message}`)}\n`)
      }
    }
    prompt()
  }
  shell.close()
  if (terminal) writeHistory(path, history)
}
