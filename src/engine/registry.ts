import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Declaration } from '../api/analyzer.js'
import { needsOf, type RuleDeclaration } from '../api/rule.js'
import { bundle } from '../paths.js'
import { SalvorError } from './errors.js'
import { nameMeant } from './names.js'
import { hasAsked } from './option-values.js'
import { byDefault } from './plan.js'
import { closest } from './suggest.js'

/** Where an analyzer's code is: a module of salvor's own build, or a user's file or package. */
export interface PluginSource {
  readonly kind: 'builtin' | 'user'
  /** An absolute path. */
  readonly location: string
}

/** A declaration and where its code is; the code itself is only loaded by the worker that runs it. */
export interface KnownAnalyzer extends Declaration {
  readonly area: string
  readonly plugin: PluginSource
  /** Modules of users' rules, where it evaluates rules. */
  readonly rules?: readonly PluginSource[]
}

/** One entry of the index that the build makes of plugins/. */
export interface IndexEntry extends Declaration {
  readonly area: string
  /** `processes/threads.cjs`. */
  readonly file: string
}

const builtinDirectory = fileURLToPath(new URL('plugins/', bundle))

function readBuiltins(): KnownAnalyzer[] {
  const path = join(builtinDirectory, 'index.json')
  let entries: IndexEntry[]
  try {
    entries = JSON.parse(readFileSync(path, 'utf8')) as IndexEntry[]
  } catch (error) {
    throw new SalvorError('INTERNAL', 'the built-in analyzers are not built: npm run build', { cause: error })
  }
  return entries.map(({ file, ...declaration }) => ({
    ...declaration,
    plugin: { kind: 'builtin', location: join(builtinDirectory, file) },
  }))
}

/** All analyzers of this run, by name and alias. */
export class Registry {
  private readonly byName = new Map<string, KnownAnalyzer>()
  private readonly analyzers: KnownAnalyzer[] = []
  /** Where each rule is from, by its name. */
  private readonly rules = new Map<string, string>()

  constructor(analyzers: Iterable<KnownAnalyzer>) {
    for (const analyzer of analyzers) this.add(analyzer)
  }

  static builtin(): Registry {
    return new Registry(readBuiltins())
  }

  add(analyzer: KnownAnalyzer): void {
    for (const name of [analyzer.name, ...(analyzer.aliases ?? [])]) {
      const known = this.byName.get(name)
      if (known !== undefined) {
        const where = `${analyzer.plugin.location} and ${known.plugin.location}`
        throw new SalvorError('USAGE', `two analyzers are called ${name}: ${where}`)
      }
      this.byName.set(name, analyzer)
    }
    this.analyzers.push(analyzer)
    for (const name of analyzer.evaluates ?? []) this.rules.set(name, 'salvor itself')
  }

  /** Hands rules to the analyzers that evaluate rules, with needs for the tables that these read. */
  addRules(rules: readonly RuleDeclaration[], plugin: PluginSource): void {
    if (rules.length === 0) return
    for (const { name } of rules) {
      const known = this.rules.get(name)
      if (known !== undefined) {
        throw new SalvorError('USAGE', `two rules are called ${name}: of ${plugin.location} and of ${known}`)
      }
      this.rules.set(name, plugin.location)
    }
    for (const [at, analyzer] of this.analyzers.entries()) {
      if (analyzer.evaluates === undefined) continue
      const needs = { ...analyzer.needs, ...needsOf(rules) }
      this.replace(at, { ...analyzer, needs, rules: [...(analyzer.rules ?? []), plugin] })
    }
  }

  private replace(at: number, analyzer: KnownAnalyzer): void {
    this.analyzers[at] = analyzer
    for (const name of [analyzer.name, ...(analyzer.aliases ?? [])]) this.byName.set(name, analyzer)
  }

  /** By name or alias, written in any way that `nameMeant` takes. */
  find(name: string): KnownAnalyzer | undefined {
    return this.byName.get(nameMeant(name, this.byName) ?? '')
  }

  list(): readonly KnownAnalyzer[] {
    return this.analyzers
  }

  /** Those that need no more than an image: no option is missing, and no file is written. */
  plain(): readonly KnownAnalyzer[] {
    return this.analyzers
      .filter(({ source, artifacts }) => source === undefined && artifacts === undefined)
      .filter((analyzer) => hasAsked(analyzer, byDefault(analyzer).options))
  }

  /** Every name and alias. */
  names(): readonly string[] {
    return [...this.byName.keys()]
  }

  /** The analyzer of that name, or an error that names the nearest one. */
  get(name: string): KnownAnalyzer {
    const found = this.find(name)
    if (found !== undefined) return found
    const near = closest(name, this.names())
    const hint = near === undefined ? 'see: salvor analyzers' : `did you mean ${near}?`
    throw new SalvorError('USAGE', `there is no analyzer ${JSON.stringify(name)}; ${hint}`)
  }
}
