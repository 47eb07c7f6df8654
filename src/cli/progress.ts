import type { MultiBar, SingleBar } from 'cli-progress'
import type { OutputStream } from './world.js'

/** A run shorter than this shows no bar. */
const DELAY_MILLISECONDS = 400

/** Progress bars on a terminal, for work that takes long enough to wonder about. */
export class Progress {
  private readonly begun = performance.now()
  private bars: MultiBar | undefined
  private loading = false
  private readonly tasks = new Map<string, SingleBar>()

  constructor(private readonly stream: OutputStream) {}

  update(task: string, done: number, total: number): void {
    if (performance.now() - this.begun < DELAY_MILLISECONDS) return
    if (this.bars === undefined) {
      void this.load()
      return
    }
    const bar = this.tasks.get(task) ?? this.bars.create(total, done, { task })
    this.tasks.set(task, bar)
    bar.setTotal(total)
    bar.update(done)
  }

  /** Takes the bars away so that a line can be written; the next update draws them again. */
  pause(): void {
    this.bars?.stop()
    this.bars = undefined
    this.tasks.clear()
  }

  close(): void {
    this.loading = true
    this.pause()
  }

  private async load(): Promise<void> {
    if (this.loading) return
    this.loading = true
    const { default: cliProgress } = await import('cli-progress')
    this.bars = new cliProgress.MultiBar({
      stream: this.stream as NodeJS.WritableStream,
      format: '{task} [{bar}] {percentage}%',
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: false,
    })
    this.loading = false
  }
}
