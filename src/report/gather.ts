/** The tables of a report out of a run over an image. */

import type { Batch } from '../api/table.js'
import { append } from '../append.js'
import { collect } from '../engine/collect.js'
import type { Engine, OpenedImage, Reporter, TableSink } from '../engine/engine.js'
import type { TableRequest } from '../engine/plan.js'
import type { KnownAnalyzer } from '../engine/registry.js'
import type { TableOutcome } from '../engine/status.js'
import type { ReportImage } from './html.js'
import { type PackedTable, packTable } from './pack.js'

/** Packs each table as soon as it is whole, so that no two need be held. */
class PackingSink implements TableSink {
  readonly packed = new Map<string, PackedTable>()
  private readonly batches = new Map<string, Batch[]>()

  constructor(private readonly most: number) {}

  async rows({ name }: KnownAnalyzer, batch: Batch): Promise<void> {
    append(this.batches, name, batch)
  }

  async end(analyzer: KnownAnalyzer, { warnings, failed }: TableOutcome): Promise<void> {
    const { name } = analyzer
    const { length, columns } = collect(analyzer, this.batches.get(name) ?? [], [])
    this.batches.delete(name)
    // What the image itself is warned of stands once, with the image.
    const own = warnings.filter((warning) => warning.analyzer !== undefined)
    const why = failed === undefined ? {} : { failed: failed.message }
    this.packed.set(name, await packTable({ analyzer, length, columns, warnings: own, ...why }, this.most))
  }
}

interface Gathered {
  readonly image: Pick<ReportImage, 'warnings' | 'tables'>
  readonly outcomes: readonly TableOutcome[]
}

/** Makes tables of an image, with no more than so many rows of each, in the order in which they are asked for. */
export async function gatherTables(
  engine: Engine,
  image: OpenedImage,
  requests: readonly TableRequest<KnownAnalyzer>[],
  most: number,
  reporter: Reporter,
): Promise<Gathered> {
  const sink = new PackingSink(most)
  const outcomes = await engine.run(image, requests, sink, reporter)
  const tables = requests.flatMap(({ analyzer }) => sink.packed.get(analyzer.name) ?? [])
  return { image: { warnings: image.info.warnings, tables }, outcomes }
}
