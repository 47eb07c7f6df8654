/** Queries that salvor brings along: a file for each, whose first lines of remarks say what it answers. */

import { readdirSync, readFileSync } from 'node:fs'
import { SalvorError } from '../engine/errors.js'
import { closest } from '../engine/suggest.js'
import { queries } from '../paths.js'

export interface SavedQuery {
  readonly name: string
  readonly what: string
  readonly sql: string
}

export function savedQueries(): readonly SavedQuery[] {
  const files = readdirSync(queries)
    .filter((file) => file.endsWith('.sql'))
    .sort()
  return files.map((file) => {
    const sql = readFileSync(new URL(file, queries), 'utf8')
    const remarks = /^(?:--.*\n)+/.exec(sql)?.[0] ?? ''
    const what = remarks.replace(/^-- ?/gm, '').trim().replaceAll('\n', ' ')
    return { name: file.slice(0, -'.sql'.length), what, sql }
  })
}

export function savedQuery(name: string): SavedQuery {
  const all = savedQueries()
  const found = all.find((query) => query.name === name)
  if (found !== undefined) return found
  const near = closest(
    name,
    all.map((query) => query.name),
  )
  const hint = near === undefined ? 'there are' : `did you mean ${near}? There are`
  throw new SalvorError(
    'USAGE',
    `there is no saved query ${name}; ${hint} ${all.map((query) => query.name).join(', ')}`,
  )
}
