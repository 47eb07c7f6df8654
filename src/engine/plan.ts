import type { Declaration } from '../api/analyzer.js'
import { SalvorError } from './errors.js'

/**
 * The analyzers to run for the requested ones: each once, what is needed before what needs it,
 * otherwise in the order asked for.
 */
export function plan<D extends Declaration>(requested: readonly D[], find: (name: string) => D | undefined): D[] {
  const ordered = new Map<string, D>()
  const visit = (analyzer: D, path: readonly string[]): void => {
    if (path.includes(analyzer.name)) {
      const cycle = [...path.slice(path.indexOf(analyzer.name)), analyzer.name].join(' → ')
      throw new SalvorError('USAGE', `analyzers need each other in a circle: ${cycle}`)
    }
    if (ordered.has(analyzer.name)) return
    for (const need of analyzer.needs ?? []) {
      const needed = find(need)
      if (needed === undefined) {
        throw new SalvorError('USAGE', `the analyzer ${analyzer.name} needs ${need}, which no plugin provides`)
      }
      visit(needed, [...path, analyzer.name])
    }
    ordered.set(analyzer.name, analyzer)
  }
  for (const analyzer of requested) visit(analyzer, [])
  return [...ordered.values()]
}
