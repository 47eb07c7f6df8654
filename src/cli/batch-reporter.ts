import { basename } from 'node:path'
import type { SingleBar } from 'cli-progress'
import type { Logger } from 'pino'
import type { BatchReporter, ImageEnd } from '../batch/batch.js'
import { missed } from '../case/manifest.js'
import { printable } from '../output/escape.js'
import { require } from '../require.js'
import { jsonLog } from './json-log.js'
import type { World } from './world.js'

function tablesOf({ outcome }: ImageEnd): { tables: number; rows: number; warnings: number } {
  if (outcome?.kind !== 'result') return { tables: 0, rows: 0, warnings: 0 }
  const { tables } = outcome.record
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  return { tables: tables.length, rows, warnings: missed(outcome.record) }
}

function lineOf(image: ImageEnd): string {
  if (image.known) return `${image.state} before`
  if (image.error !== undefined) return `${image.state}: ${image.error}`
  const { tables, rows, warnings } = tablesOf(image)
  const told = warnings === 0 ? '' : `, ${warnings} warnings`
  return `${image.state}, ${tables} tables, ${rows} rows${told}, ${(image.milliseconds / 1000).toFixed(1)} s`
}

/** A line for each image, and one bar below them. */
class TerminalBatchReporter implements BatchReporter {
  private bar: SingleBar | undefined
  private readonly tasks = new Map<string, string>()
  private images = 0
  private done = 0

  constructor(private readonly world: World) {}

  begin(images: number): void {
    this.images = images
    this.draw()
  }

  progress(path: string, task: string): void {
    this.tasks.set(path, `${basename(path)} ${task}`)
    this.bar?.update(this.done, { task: this.task() })
  }

  end(image: ImageEnd): void {
    this.tasks.delete(image.path)
    this.done++
    this.bar?.stop()
    this.world.stderr.write(`${printable(`${image.path}: ${lineOf(image)}`)}\n`)
    if (this.done < this.images) this.draw()
  }

  private task(): string {
    return printable([...this.tasks.values()].at(-1) ?? '')
  }

  private draw(): void {
    const cliProgress = require('cli-progress') as typeof import('cli-progress')
    this.bar = new cliProgress.SingleBar({
      stream: this.world.stderr as NodeJS.WritableStream,
      format: '[{bar}] {value}/{total} images {task}',
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: false,
    })
    this.bar.start(this.images, this.done, { task: this.task() })
  }
}

/** A line of JSON for each image, for whoever collects logs. */
class LoggedBatchReporter implements BatchReporter {
  private readonly log: Logger

  constructor(world: World) {
    this.log = jsonLog(world, null)
  }

  begin(images: number): void {
    this.log.info({ images }, 'batch begins')
  }

  progress(): void {}

  end(image: ImageEnd): void {
    const { path, state, exitCode, known, error, milliseconds } = image
    const { tables, rows, warnings } = tablesOf(image)
    const facts = { path, state, exit_code: exitCode, known, tables, rows, warnings, ms: Math.round(milliseconds) }
    if (state === 'failed' || state === 'lost') this.log.error({ ...facts, error }, 'image')
    else this.log.info(facts, 'image')
  }
}

class SilentBatchReporter implements BatchReporter {
  begin(): void {}
  progress(): void {}
  end(): void {}
}

export function batchReporter(world: World, quiet: boolean): BatchReporter {
  if (quiet) return new SilentBatchReporter()
  return world.stderr.isTTY === true ? new TerminalBatchReporter(world) : new LoggedBatchReporter(world)
}
