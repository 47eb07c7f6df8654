/**
 * A column's value is claimed by sources. The first in the list's order, most trustworthy first, is taken; a later one
 * that says something else is reported, for two sources that disagree are a finding.
 */

import type { Warning } from '../warning.js'

export interface Claim<T> {
  value: T | null | undefined
  source: string
}

export type Differ<T> = (taken: T, other: T) => boolean

export class Claims {
  readonly sources: Record<string, string> = {}
  readonly #of: string
  readonly #warnings: Warning[]

  /** Of a container, unless it is said what the id is of. */
  constructor(id: string, warnings: Warning[], what = 'container') {
    this.#of = `${what} ${id.slice(0, what === 'container' ? 12 : 36)}`
    this.#warnings = warnings
  }

  take<T>(column: string, claims: readonly Claim<T>[], differ: Differ<T> | null = (a, b) => a !== b): T | null {
    let taken: { value: T; source: string } | null = null
    const reported = new Set<string>()
    for (const { value, source } of claims) {
      if (value === null || value === undefined) continue
      if (taken === null) taken = { value, source }
      else if (differ?.(taken.value, value) && !reported.has(source)) {
        reported.add(source)
        this.disagree(column, `${show(taken.value)} by ${taken.source}, but ${show(value)} by ${source}`)
      }
    }
    if (taken === null) return null
    this.sources[column] = taken.source
    return taken.value
  }

  disagree(column: string, what: string): void {
    this.#warnings.push({ code: 'disagree', column, message: `${this.#of}: ${what}` })
  }
}

function show(value: unknown): string {
  const shown = typeof value === 'string' ? value : JSON.stringify(value)
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown
}
