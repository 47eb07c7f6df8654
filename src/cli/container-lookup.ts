import type { Batch } from '../api/table.js'
import { podName } from '../containers/pod-name.js'
import type { Engine, Evidence, Reporter, TableSink } from '../engine/engine.js'
import type { Failure } from '../engine/errors.js'
import type { TableRequest } from '../engine/plan.js'
import type { Registry } from '../engine/registry.js'
import type { ContainerChoice } from '../output/filter.js'
import { type Container, type Containers, chooseContainers } from './container-names.js'
import { runSilently } from './silent.js'

/** Knows ids and names of an image's containers. */
const CONTAINERS = 'containers'

const NOT_MEMORY: Failure = { code: 'USAGE', message: 'that takes a memory image' }

function knownOf({ length, columns }: Batch): Container[] {
  const text = (column: string, row: number): string | null => {
    const value = columns[column]?.[row]
    return typeof value === 'string' ? value : null
  }
  return Array.from({ length }, (_, row) => {
    const pod = podName(text('pod_namespace', row), text('pod_name', row))
    return { id: text('id', row), name: text('name', row), pod }
  }).flatMap(({ id, ...names }) => (id === null ? [] : { id, ...names }))
}

/** The containers of one image, looked up at most once and only where an option or a table needs them. */
export class ContainerLookup {
  private found: Promise<Containers> | undefined
  /** Hears of the containers' own table, where the run has it. */
  private heard: ((containers: Containers) => void) | undefined

  constructor(
    private readonly engine: Engine,
    private readonly registry: Registry,
    private readonly evidence: Evidence,
    private readonly reporter: Reporter,
  ) {}

  /** What --container means in the image; undefined where nothing is asked for. */
  async choice(wanted: readonly string[]): Promise<ContainerChoice | undefined> {
    if (wanted.length === 0) return undefined
    this.found ??= this.read()
    return chooseContainers(wanted, await this.found)
  }

  /** Names by ids, as far as they are known: from the run of the analyzers, or else from a run beside it. */
  async names(requests: readonly TableRequest[]): Promise<ReadonlyMap<string, string>> {
    const passing = requests.some(({ analyzer }) => analyzer.name === CONTAINERS)
    this.found ??= passing ? new Promise((resolve) => (this.heard = resolve)) : this.read()
    const { known } = await this.found
    return new Map(known.flatMap(({ id, name }) => (name === null ? [] : [[id, name]])))
  }

  /** The sink for the run: what passes by on the way to it need not be made twice. */
  before(sink: TableSink): TableSink {
    const { heard } = this
    if (heard === undefined) return sink
    const known: Container[] = []
    return {
      rows: (analyzer, batch) => {
        if (analyzer.name === CONTAINERS) known.push(...knownOf(batch))
        return sink.rows(analyzer, batch)
      },
      end: (analyzer, outcome) => {
        if (analyzer.name === CONTAINERS) heard({ known })
        return sink.end(analyzer, outcome)
      },
    }
  }

  private async read(): Promise<Containers> {
    const { engine, evidence, registry, reporter } = this
    if (evidence.kind === 'file') return { known: [], failed: NOT_MEMORY }
    const known: Container[] = []
    const take = (batch: Batch): void => void known.push(...knownOf(batch))
    const outcome = await runSilently(engine, registry, evidence, CONTAINERS, take, reporter)
    return { known, ...(outcome?.failed === undefined ? {} : { failed: outcome.failed }) }
  }
}
