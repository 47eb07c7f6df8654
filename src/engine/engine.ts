import { setMaxListeners } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { HashedFileRecord } from '../case/manifest.js'
import { NotOpened } from '../intake/brought.js'
import type { Intake, IntakeSettings, Received } from '../intake/intake.js'
import { isElsewhere } from '../intake/names.js'
import type { RangedObject } from '../intake/s3/ranged.js'
import type { OpenOptions } from '../kernel/kernel.js'
import type { ArtifactPlace } from '../output/artifacts.js'
import { SalvorError } from './errors.js'
import { checkFile } from './evidence-file.js'
import { Lanes } from './lanes.js'
import { plan, type TableRequest, tableId } from './plan.js'
import { Pool, type PoolOptions } from './pool.js'
import type { KnownAnalyzer, Registry } from './registry.js'
import { type Evidence, type NamedFile, type OpenedImage, type Reporter, Run, type TableSink } from './run.js'

export type { Evidence, NamedFile, OpenedImage, Reporter, TableSink } from './run.js'

import type { TableOutcome } from './status.js'
import type { ConvertTask, Results } from './tasks.js'

export interface EngineOptions extends PoolOptions {
  /** Seconds that a table may take; without it as many as it takes. */
  readonly timeout?: number
  /** How images come here that are no files; without it there are none. */
  readonly intake?: IntakeSettings
}

/** Runs analyzers over images on one pool of workers. */
export class Engine {
  private readonly pool: Pool
  /** Where the tables of each open image run. */
  private readonly lanes = new Map<number, Lanes>()
  /** Open images of which only what is read is here. */
  private readonly ranged = new Map<number, RangedObject>()
  /** Made when an image is no file here. */
  private intake: Promise<Intake> | undefined

  constructor(
    private readonly registry: Registry,
    private readonly signal: AbortSignal,
    private readonly options: EngineOptions = {},
  ) {
    this.pool = new Pool(options)
    // As many as there are tables at once.
    setMaxListeners(0, signal)
  }

  /** Brings an image here that is no file, and answers what is on record of it. */
  async receive(name: string, progress: (done: number, total: number) => void = () => {}): Promise<HashedFileRecord> {
    return (await (await this.intakeOnce()).receive(name, progress)).file
  }

  /** Lets go of an image that was brought here and not opened. */
  async release(name: string): Promise<void> {
    await (await this.intake)?.release(name)
  }

  /** Opens an image; `progress` hears of one that is brought here or unpacked first. */
  async open(
    name: string,
    options: OpenOptions,
    progress: (done: number, total: number) => void = () => {},
  ): Promise<OpenedImage> {
    if (!isElsewhere(name)) return this.openFileImage(name, options, progress)
    const intake = await this.intakeOnce()
    const reached = await intake.reach(name, progress).catch((error) => {
      throw new NotOpened(error, null)
    })
    const opened = this.openReached(reached, { ...options, name }, progress)
    return opened.catch((error) => {
      throw new NotOpened(error, 'broken' in reached && reached.broken ? null : reached.file)
    })
  }

  private async openReached(
    reached: Received | RangedObject,
    options: OpenOptions,
    progress: (done: number, total: number) => void,
  ): Promise<OpenedImage> {
    const { path, file: received } = reached
    if (!('door' in reached)) return { ...(await this.openFileImage(path, options, progress)), received }
    try {
      const opened = await this.openFileImage(path, { ...options, door: reached.door }, progress)
      reached.seal()
      this.ranged.set(opened.id, reached)
      return { ...opened, received, ranged: reached }
    } catch (error) {
      await reached.close()
      throw error
    }
  }

  private async intakeOnce(): Promise<Intake> {
    const { intake } = this.options
    if (intake === undefined) throw new SalvorError('USAGE', 'only files can be opened here')
    this.intake ??= import('../intake/intake.js').then(({ Intake }) => new Intake(intake, this.signal))
    return this.intake
  }

  private async openFileImage(
    path: string,
    options: OpenOptions,
    progress: (done: number, total: number) => void,
  ): Promise<OpenedImage> {
    const opened = await this.stoppable<[number, number], Results['open']>(
      (told) => progress(...told),
      (port) => this.pool.run<'open'>({ kind: 'open', path, options, port }),
    )
    return { kind: 'image', ...opened }
  }

  /**
   * Writes an image's memory into a new file of another format; `progress` hears phase, bytes done and bytes in all. With
   * what is on record of an image that was brought here for it.
   */
  async convert(
    { path: name, options, ...task }: Omit<ConvertTask, 'kind' | 'port'>,
    progress: (phase: number, done: number, total: number) => void,
  ): Promise<Results['convert'] & { readonly received?: HashedFileRecord }> {
    const received = isElsewhere(name) ? await (await this.intakeOnce()).receive(name) : undefined
    const { path = name } = received ?? {}
    const how = received === undefined ? options : { ...options, name }
    const converted = await this.stoppable<[number, number, number], Results['convert']>(
      (told) => progress(...told),
      (port) => this.pool.run<'convert'>({ kind: 'convert', path, options: how, ...task, port }),
    )
    return received === undefined ? converted : { ...converted, received: received.file }
  }

  /** A task that tells how far it is over a port, and is stopped over it. */
  private async stoppable<Told, Result>(
    hear: (told: Told) => void,
    run: (port: MessagePort) => Promise<Result>,
  ): Promise<Result> {
    const { port1: own, port2: port } = new MessageChannel()
    const stop = (): void => own.postMessage('stop')
    own.on('message', hear)
    this.signal.addEventListener('abort', stop, { once: true })
    try {
      return await run(port)
    } finally {
      this.signal.removeEventListener('abort', stop)
      own.close()
    }
  }

  /** Throws where there is no file that analyzers could read. */
  openFile(path: string): NamedFile {
    checkFile(path)
    return { kind: 'file', path, info: { warnings: [] } }
  }

  /** Gives back what the process keeps of an image, and what each worker that made tables of it has read. */
  async closeImage({ id, received }: OpenedImage): Promise<void> {
    const lanes = this.lanes.get(id)?.all ?? []
    this.lanes.delete(id)
    const places = lanes.length > 0 ? lanes.map((lane) => ({ lane })) : [{}]
    await Promise.all(places.map((place) => this.pool.run<'close'>({ kind: 'close', image: id }, place)))
    await this.ranged.get(id)?.close()
    if (!this.ranged.delete(id) && received !== undefined) await (await this.intake)?.release(received.path)
  }

  private lanesOf(evidence: Evidence): Lanes {
    const lanes = (evidence.kind === 'image' && this.lanes.get(evidence.id)) || new Lanes(this.pool.threads)
    if (evidence.kind === 'image') this.lanes.set(evidence.id, lanes)
    return lanes
  }

  writeTouched(image: OpenedImage, output: string): Promise<Results['write-touched']> {
    return this.pool.run<'write-touched'>({ kind: 'write-touched', image: image.id, output })
  }

  /** Ends the workers at once. */
  async close(): Promise<void> {
    await this.pool.close()
    await (await this.intake)?.release()
  }

  /**
   * Makes the requested tables and those they need; answers how each requested one ended. Without a place for them, the
   * files that analyzers write are left out.
   */
  async run(
    evidence: Evidence,
    requested: readonly TableRequest<KnownAnalyzer>[],
    sink: TableSink,
    reporter: Reporter,
    artifacts: ArtifactPlace | null = null,
  ): Promise<TableOutcome[]> {
    const planned = plan(requested, (name) => this.registry.find(name))
    const ids = requested.map(tableId)
    const { pool, signal } = this
    const { timeout } = this.options
    const lanes = this.lanesOf(evidence)
    const run = new Run({ pool, lanes, artifacts, timeout, evidence, signal, sink, reporter }, planned, new Set(ids))
    const finished = await run.all()
    return ids.flatMap((id) => finished.get(id)?.outcome ?? [])
  }
}
