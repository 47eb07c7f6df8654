import type { Loss } from '../kernel/backend.js'
import type { Warning } from '../warning.js'

/** Kinds of warnings kept apart in one table; more than that are counted in one last warning. */
const MAX_KINDS = 500

/** Collects warnings, joining those that differ only in where they happened. */
export class WarningLog {
  private readonly kinds = new Map<string, Warning>()
  private readonly told = new WeakSet<Warning>()
  private overflow = 0

  /** Adds a warning of an analyzer's. One that comes again is no second event: a shared reading gives it to all that use it. */
  add(told: Warning, analyzer?: string): void {
    if (this.told.has(told)) return
    this.told.add(told)
    const warning = analyzer === undefined || told.analyzer !== undefined ? told : { ...told, analyzer }
    const key = JSON.stringify([warning.analyzer, warning.code, warning.column, warning.message])
    const known = this.kinds.get(key)
    if (known !== undefined) {
      this.kinds.set(key, { ...known, count: (known.count ?? 1) + (warning.count ?? 1) })
    } else if (this.kinds.size < MAX_KINDS) {
      this.kinds.set(key, warning)
    } else {
      this.overflow += warning.count ?? 1
    }
  }

  list(): readonly Warning[] {
    const warnings = [...this.kinds.values()]
    if (this.overflow === 0) return warnings
    return [
      ...warnings,
      { code: 'cap', message: 'further warnings of other kinds were left out', count: this.overflow },
    ]
  }
}

/** What was lost of an image while it was read. It is about the image itself and names no analyzer. */
export function lossWarnings(loss: Loss | null | undefined): Warning[] {
  return loss ? [{ code: 'unreadable', message: loss.message }] : []
}

/** The warnings, each once: several needs may bring the same, and each says what is about the image itself. */
export function distinct(warnings: readonly Warning[]): Warning[] {
  const told = new Set<string>()
  return [...new Set(warnings)].filter(({ analyzer, message }) => {
    if (analyzer !== undefined) return true
    return !told.has(message) && told.add(message)
  })
}

/**
 * Codes that say something about a table from which nothing is missing: the kernel has no such thing, two sources
 * disagree and the better one was taken, something is left of what is gone, or the run itself had trouble.
 */
const notes = new Set(['absent', 'disagree', 'leftover', 'note'])

export function isNote(warning: Warning): boolean {
  return notes.has(warning.code)
}
