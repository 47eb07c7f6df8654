import { wrap } from 'comlink'
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs'
import type { Analyzer, RunContext, ScanName } from '../api/analyzer.js'
import { Table } from '../api/table.js'
import type { Backend } from '../kernel/backend.js'
import type { Warning } from '../warning.js'
import { RowBuffer } from './buffer.js'
import { SalvorError, toFailure } from './errors.js'
import { loadSource } from './load.js'
import type { PluginSource } from './registry.js'
import type { AnalyzeTask, Host } from './tasks.js'
import { lossWarnings, WarningLog } from './warnings.js'

const loaded = new Map<string, Promise<Analyzer[]>>()

async function find(source: PluginSource, name: string): Promise<Analyzer> {
  let loading = loaded.get(source.location)
  if (loading === undefined) {
    loading = loadSource(source)
    loaded.set(source.location, loading)
  }
  const analyzer = (await loading).find((candidate) => candidate.name === name)
  if (analyzer === undefined) throw new SalvorError('INTERNAL', `${source.location} no longer exports ${name}`)
  return analyzer
}

/** Runs one analyzer and streams its rows to the host. The warnings so far are in `warnings` even if it throws. */
export async function analyze(task: AnalyzeTask, backend: Backend, warnings: Warning[]): Promise<readonly Warning[]> {
  const { port } = task
  const host = wrap<Host>(nodeEndpoint(port))
  const controller = new AbortController()
  const log = new WarningLog()
  const warn = (warning: Warning): void => log.add({ ...warning, analyzer: warning.analyzer ?? task.analyzer })
  const lost = (): Warning[] => lossWarnings(backend.lost(task.image))
  // The port closes with the task, and then this promise stays open for good.
  void host.cancelled().then(() => controller.abort())
  try {
    const analyzer = await find(task.source, task.analyzer)
    const buffer = new RowBuffer(analyzer.columns, (batch) => host.rows(batch))
    const context: RunContext = {
      kernel: backend.attach(task.image, warn),
      tables: Object.fromEntries(
        task.tables.map(({ name, length, columns }) => [name, new Table(name, length, columns)]),
      ),
      scans: task.scans as Record<ScanName, BigUint64Array>,
      log: (line) => void host.log(line),
      warn,
      progress: (done, total) => void host.progress(done, total),
      signal: controller.signal,
    }
    try {
      for await (const yielded of analyzer.run(context)) {
        if (controller.signal.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
        await buffer.add(yielded)
      }
    } catch (error) {
      // The rows before it are evidence too. Why it failed matters more than why they did not arrive.
      if (!controller.signal.aborted) await buffer.end().catch(() => {})
      throw error
    }
    await buffer.end()
    return [...log.list(), ...lost()]
  } catch (error) {
    warnings.push(...log.list())
    // Evidence that cannot be read says so itself.
    if (toFailure(error).code !== 'EVIDENCE') warnings.push(...lost())
    throw error
  } finally {
    port.close()
  }
}
