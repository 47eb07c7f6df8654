import { type Remote, wrap } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import type { Analyzer, FileContext, ImageContext, RunContext, Source } from '../api/analyzer.js'
import type { Artifacts } from '../api/artifacts.js'
import type { Needs, OptionalTable } from '../api/needs.js'
import type { Options, OptionsRead } from '../api/options.js'
import type { Rule } from '../api/rule.js'
import { Table } from '../api/table.js'
import type { Backend } from '../kernel/backend.js'
import type { ArtifactFiles } from '../output/artifacts.js'
import type { Warning } from '../warning.js'
import { RowBuffer } from './buffer.js'
import { SalvorError, toFailure } from './errors.js'
import { loadPlugin } from './load.js'
import { OpenFiles } from './open-files.js'
import type { PluginSource } from './registry.js'
import type { AnalyzeTask, GivenTable, Host } from './tasks.js'
import type { Plugin } from './validate.js'
import { lossWarnings, WarningLog } from './warnings.js'

const loaded = new Map<string, Promise<Plugin>>()

function loadOnce(plugin: PluginSource): Promise<Plugin> {
  let loading = loaded.get(plugin.location)
  if (loading === undefined) {
    loading = loadPlugin(plugin)
    loaded.set(plugin.location, loading)
  }
  return loading
}

async function find(plugin: PluginSource, name: string): Promise<Analyzer> {
  const { analyzers } = await loadOnce(plugin)
  const analyzer = analyzers.find((candidate) => candidate.name === name)
  if (analyzer === undefined) throw new SalvorError('INTERNAL', `${plugin.location} no longer exports ${name}`)
  return analyzer
}

/** The rules of users' plugins. */
async function rulesOf(sources: readonly PluginSource[]): Promise<Rule[]> {
  const plugins = await Promise.all(sources.map(loadOnce))
  return plugins.flatMap(({ rules }) => rules)
}

/** The tables that an analyzer gets for its needs. */
function tablesOf(given: readonly GivenTable[]): Record<string, Table | OptionalTable> {
  return Object.fromEntries(
    given.map(({ as, optional, table: data, why }) => {
      const table = data && new Table(data.name, data.length, data.columns, data)
      return [as, (optional ? { table, why } : table) as Table | OptionalTable]
    }),
  )
}

/** What an analyzer gets that has not said that it writes files. */
function refusing(analyzer: string): Artifacts {
  const create = (): never => {
    throw new SalvorError('INTERNAL', `${analyzer} does not declare artifacts, and writes no files`)
  }
  return { create }
}

/** What one task reads, and what was lost of it. */
class TaskEvidence {
  private readonly files = new OpenFiles()
  private image: { readonly id: number; readonly backend: Backend } | undefined

  constructor(
    private readonly task: AnalyzeTask,
    private readonly warn: (warning: Warning) => void,
  ) {}

  /** An analyzer of a file asks nothing of the backend. */
  async open(loadBackend: () => Promise<Backend>): Promise<ImageContext | FileContext> {
    const { evidence, scans } = this.task
    if ('file' in evidence) return { file: this.files.open(evidence.file) }
    const backend = await loadBackend()
    this.image = { id: evidence.image, backend }
    return { kernel: backend.attach(evidence.image, this.warn), scans: scans as ImageContext['scans'] }
  }

  options(declared: Options | undefined): OptionsRead<Options> {
    return this.files.options(declared, this.task.options)
  }

  lost(): Warning[] {
    return this.image === undefined ? [] : lossWarnings(this.image.backend.lost(this.image.id))
  }

  close(): void {
    this.files.close()
  }
}

/** Runs an analyzer to its end, and sends what it yields. */
async function send(
  analyzer: Analyzer,
  context: RunContext<Options, Needs, Source>,
  host: Remote<Host>,
): Promise<void> {
  const { signal } = context
  const buffer = new RowBuffer(analyzer.columns, (batch) => host.rows(batch))
  try {
    for await (const yielded of analyzer.run(context)) {
      if (signal.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
      await buffer.add(yielded)
    }
  } catch (error) {
    // The rows before it are evidence too. Why it failed matters more than why they did not arrive.
    if (!signal.aborted) await buffer.end().catch(() => {})
    throw error
  }
  await buffer.end()
}

/**
 * Runs one analyzer and streams its rows to the host. The warnings so far are in `warnings` even if it throws; `loaded` is
 * called when all code is there.
 */
export async function analyze(
  task: AnalyzeTask,
  loadBackend: () => Promise<Backend>,
  warnings: Warning[],
  loaded: () => void,
): Promise<readonly Warning[]> {
  const { port } = task
  const host = wrap<Host>(nodeEndpoint(port))
  const controller = new AbortController()
  let artifacts: ArtifactFiles | undefined
  const log = new WarningLog()
  const warn = (warning: Warning): void => log.add(warning, task.analyzer)
  const evidence = new TaskEvidence(task, warn)
  // The port closes with the task, and then this promise stays open for good.
  void host.begin().then(() => controller.abort())
  try {
    const analyzer = await find(task.plugin, task.analyzer)
    if (analyzer.artifacts !== undefined) {
      artifacts = new (await import('../output/artifacts.js')).ArtifactFiles(task.artifacts)
    }
    const context: RunContext<Options, Needs, Source> = {
      ...(await evidence.open(loadBackend)),
      options: evidence.options(analyzer.options),
      tables: tablesOf(task.tables),
      artifacts: artifacts ?? refusing(task.analyzer),
      log: (line) => void host.log(line),
      warn,
      progress: (done, total) => void host.progress(done, total),
      signal: controller.signal,
      rules: await rulesOf(task.rules),
    }
    loaded()
    await send(analyzer, context, host)
    artifacts?.end().forEach(warn)
    return [...log.list(), ...evidence.lost()]
  } catch (error) {
    warnings.push(...log.list())
    // Evidence that cannot be read says so itself.
    if (toFailure(error).code !== 'EVIDENCE') warnings.push(...evidence.lost())
    throw error
  } finally {
    artifacts?.end()
    evidence.close()
    port.close()
  }
}
