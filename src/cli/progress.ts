import type { MultiBar, SingleBar } from 'cli-progress'
import { require } from '../require.js'
import type { OutputStream } from './world.js'

/** A run shorter than this shows no bar. */
const DELAY_MILLISECONDS = 400

/** Progress bars on a terminal, for work that takes long enough to wonder about. */
export class Progress {
  private readonly begun = performance.now()
  private bars: MultiBar | undefined
  private closed = false
  private readonly tasks = new Map<string, SingleBar>()

  constructor(private readonly stream: OutputStream) {}

  update(task: string, done: number, total: number): void {
    if (this.closed || performance.now() - this.begun < DELAY_MILLISECONDS) return
    this.bars ??= makeBars(this.stream)
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
    this.closed = true
    this.pause()
  }
}

function makeBars(stream: OutputStream): MultiBar {
  const cliProgress = require('cli-progress') as typeof import('cli-progress')
  return new cliProgress.MultiBar({
    stream: stream as NodeJS.WritableStream,
    format: '{task} [{bar}] {percentage}%',
    clearOnComplete: true,
    hideCursor: true,
    gracefulExit: false,
  })
}
