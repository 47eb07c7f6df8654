import type { Reporter } from '../engine/engine.js'
import type { Failure } from '../engine/errors.js'
import { isNote } from '../engine/warnings.js'
import type { LinkCheck } from '../kernel/tear.js'
import { printable, printableLines } from '../output/escape.js'
import type { Warning } from '../warning.js'
import { Progress } from './progress.js'
import type { World } from './world.js'

/** One warning as one line: `processes.args: 3 × unreadable (first at 0x…)`. */
export function warningLine(warning: Warning): string {
  const { analyzer, column, message, address } = warning
  const count = warning.count ?? 1
  const place = [analyzer, column].filter((part) => part !== undefined).join('.')
  const times = count > 1 ? `${count} times` : ''
  const where = address === undefined ? '' : count > 1 ? `first at ${address}` : `at ${address}`
  const details = [times, where].filter((part) => part !== '').join(', ')
  return `${place === '' ? '' : `${place}: `}${message}${details === '' ? '' : ` (${details})`}`
}

/** Where the single warnings are. */
const NAMED = '--format json names them'

/** A value of an object that is gone: what could not be read of it. */
function isRemnant({ code, column }: Warning): boolean {
  return code === 'leftover' && column !== undefined
}

function timesOf(warnings: readonly Warning[]): number {
  return warnings.reduce((sum, { count }) => sum + (count ?? 1), 0)
}

/** Everything that is said on stderr, line by line. */
export class StderrReporter implements Reporter {
  /** Whether a table of the image that is being read was torn. */
  torn = false
  /** The image that is being read, if there are several. */
  image: string | undefined
  private readonly bars: Progress | undefined
  /** What was said about images themselves: every table that it concerns brings it along. */
  private readonly said = new Set<string>()

  constructor(
    private readonly world: World,
    private readonly quiet: boolean,
  ) {
    if (!quiet && world.stderr.isTTY === true) this.bars = new Progress(world.stderr)
  }

  progress(task: string, done: number, total: number): void {
    this.bars?.update(task, done, total)
  }

  log(line: string): void {
    if (!this.quiet) this.line('note', line)
  }

  /** A torn table says in one line what a line for each contradiction would bury; so does what is left of the gone. */
  warnings(warnings: readonly Warning[]): void {
    const torn = warnings.find(({ code, analyzer }) => code === 'torn' && analyzer !== undefined)?.analyzer
    const shown = warnings.filter(
      (warning) => warning.analyzer === undefined || (torn === undefined && !isRemnant(warning)),
    )
    for (const warning of shown) this.one(warning)
    if (torn === undefined) this.remnants(warnings.filter(isRemnant))
    else {
      this.torn = true
      const missing = warnings.filter((warning) => warning.analyzer !== undefined && !isNote(warning))
      this.line('warning', `${torn}: ${timesOf(missing)} links and values are torn or could not be read; ${NAMED}`)
    }
  }

  /** How torn the image is, once all its tables are written. */
  tear(links: readonly LinkCheck[]): void {
    this.torn = false
    const sum = (key: 'checked' | 'contradict') => links.reduce((total, link) => total + link[key], 0)
    const where = links.flatMap(({ links: name, contradict }) => (contradict > 0 ? [`${name} ${contradict}`] : []))
    const checked = `${sum('contradict')} of ${sum('checked')} links between tasks contradict each other`
    const which = where.length === 0 ? '' : ` (${where.join(', ')})`
    this.line(
      'warning',
      where.length === 0
        ? `some of the image is torn or cannot be read, though ${checked}; what no two sides bear out is left out or null`
        : `the image is torn, as memory of a host that went on is: ${checked}${which}; ` +
            'what no two sides bear out is left out or null, see info',
    )
  }

  failure(analyzer: string, failure: Failure): void {
    if (failure.code !== 'INTERRUPTED') this.error({ ...failure, message: `${analyzer}: ${failure.message}` })
  }

  error(failure: Failure): void {
    this.line('salvor', failure.message)
    if (this.world.env.SALVOR_DEBUG === '1' && failure.stack !== undefined) this.write(printableLines(failure.stack))
  }

  close(): void {
    this.bars?.close()
  }

  private remnants(warnings: readonly Warning[]): void {
    const [first] = warnings
    if (warnings.length < 2 || first === undefined) for (const warning of warnings) this.one(warning)
    else
      this.log(`${first.analyzer}: ${timesOf(warnings)} values of what is gone or doubtful could not be read; ${NAMED}`)
  }

  private one(warning: Warning): void {
    if (warning.analyzer === undefined) {
      const key = JSON.stringify([this.image, warning.message])
      if (this.said.has(key)) return
      this.said.add(key)
    }
    if (!isNote(warning)) this.line('warning', warningLine(warning))
    else if (!this.quiet) this.line('note', warningLine(warning))
  }

  private line(prefix: string, text: string): void {
    const image = this.image === undefined ? '' : `${this.image}: `
    // What goes wrong while opening names the image itself.
    this.write(printable(`${prefix}: ${text.startsWith(image) ? '' : image}${text}`))
  }

  private write(line: string): void {
    this.bars?.pause()
    this.world.stderr.write(`${line}\n`)
  }
}
