/** A job in a child process: what it takes is limited, and what it breaks is that job. */

import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { exitCodes } from '../engine/status.js'
import { STANDARD_INPUT } from '../intake/names.js'
import type { ChildLimits, Job, Outcome } from './job.js'

/** The command of salvor that does one job; nobody types it. */
export const CHILD_COMMAND = 'batch-image'

/** What the child is asked. */
export interface ChildRequest {
  readonly job: Job
  /** Where its files go. */
  readonly folder: string
}

/** What the child says: how far it is, and what became of it. */
export type ChildMessage =
  | { readonly kind: 'progress'; readonly task: string; readonly done: number; readonly total: number }
  | { readonly kind: 'outcome'; readonly outcome: Outcome }

export interface ChildProgram {
  /** The file that was started as salvor, and the options with which a child is the same. */
  readonly entry: string
  readonly options: readonly string[]
}

export interface ChildWatch {
  readonly signal: AbortSignal
  readonly progress: (task: string, done: number, total: number) => void
}

const POLL_MILLISECONDS = 100
const KIB_PER_MIB = 1024
/** Of what a child says on its way out. */
const MOST_STDERR = 4096

/** Whether a child ended by itself, and with nothing to say. */
export function isCrash(outcome: Outcome): boolean {
  return outcome.kind === 'lost' && outcome.exitCode === exitCodes.internal
}

/** What a process may keep that is to do another image: what it has beyond that is better given back. */
const MOST_KEPT_MIB = 512
/** How long a process is kept that nobody has work for. */
const KEPT_MILLISECONDS = 5_000

/** How a job ended, and whether a process that had done nothing before might have come to another end. */
interface Performed {
  readonly outcome: Outcome
  readonly isOfChild: boolean
}

/** One process, which does one job at a time. */
class Child {
  private readonly process: ChildProcess
  private readonly ended: Promise<void>
  private stderr = ''
  private hear: (message: ChildMessage) => void = () => {}
  private gone: (how: string) => void = () => {}
  private how: string | undefined
  /** Whether it has done a job before. */
  isUsed = false

  constructor(program: ChildProgram, stdin: 'inherit' | 'ignore') {
    this.process = spawn(process.execPath, [program.entry, CHILD_COMMAND, ...program.options], {
      stdio: [stdin, 'ignore', 'pipe', 'ipc'],
      // What is asked of it is JSON, and so is what it answers.
      serialization: 'json',
      env: withoutSecrets(process.env),
    })
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = `${this.stderr}${text}`.slice(-MOST_STDERR)
    })
    this.process.on('message', (message: ChildMessage) => this.hear(message))
    this.ended = new Promise((resolve) => {
      const over = (how: string): void => {
        this.how ??= how
        this.gone(this.how)
        resolve()
      }
      this.process.on('error', (error) => over(`its process did not start: ${error.message}`))
      this.process.on('close', (code, signal) => over(endOf(code, signal, this.stderr)))
    })
  }

  /** Answers when there is an outcome, or the process is gone. */
  async perform(request: ChildRequest, watch: ChildWatch): Promise<Performed> {
    const performed = await new Promise<Performed>((resolve) => {
      const end = (outcome: Outcome, isOfChild = isCrash(outcome)): void => {
        stopLimits()
        watch.signal.removeEventListener('abort', interrupt)
        resolve({ outcome, isOfChild })
      }
      const stopLimits = limit(this.process, request.job.limits, end)
      const interrupt = (): void => end(lost('interrupted', exitCodes.interrupted))
      watch.signal.addEventListener('abort', interrupt, { once: true })
      this.stderr = ''
      this.hear = (message) => {
        if (message.kind === 'outcome') end(message.outcome)
        else watch.progress(message.task, message.done, message.total)
      }
      this.gone = (how) => end(lost(how, exitCodes.internal))
      if (this.how !== undefined) this.gone(this.how)
      else
        this.process.send(request, () => {
          // A child that is gone already says so by its end.
        })
    })
    if (!this.isFit(request.job, performed.outcome)) await this.end()
    this.isUsed = true
    return performed
  }

  get isGone(): boolean {
    return this.how !== undefined
  }

  /** Ends it, whatever it is doing: what it writes is of no interest to anybody. */
  async end(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.ended
  }

  /** Whether another job would find it as good as new: it ended well, gave back what it took, and no call goes on in it. */
  private isFit({ limits }: Job, outcome: Outcome): boolean {
    if (outcome.kind === 'lost' || this.how !== undefined) return false
    const { error, tables } = outcome.record
    if (error !== null || tables.some(({ failed }) => failed !== undefined)) return false
    const most = Math.min(MOST_KEPT_MIB, (limits.memory ?? Number.POSITIVE_INFINITY) / 2)
    const used = ownMemory(this.process.pid)
    return used !== undefined && used <= most * KIB_PER_MIB
  }
}

/** Does jobs one after the other, each in a child process, which does the next one too where it is fit for that. */
export class Children {
  private kept: Child | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly program: ChildProgram) {}

  /** Never throws: what happens to the child is an outcome, and none depends on what the child did before. */
  async run(request: ChildRequest, watch: ChildWatch): Promise<Outcome> {
    clearTimeout(this.timer)
    // What is piped in is inherited, and is there once.
    if (request.job.path === STANDARD_INPUT) return this.once(request, watch)
    const child = this.kept ?? new Child(this.program, 'ignore')
    const { isUsed } = child
    const { outcome, isOfChild } = await child.perform(request, watch)
    this.keep(child)
    if (!isUsed || !isOfChild || watch.signal.aborted) return outcome
    emptyFolder(request.folder)
    return this.run(request, watch)
  }

  /** Ends the process that is kept. */
  async close(): Promise<void> {
    clearTimeout(this.timer)
    const { kept } = this
    this.kept = undefined
    await kept?.end()
  }

  private async once(request: ChildRequest, watch: ChildWatch): Promise<Outcome> {
    const child = new Child(this.program, 'inherit')
    const { outcome } = await child.perform(request, watch)
    await child.end()
    return outcome
  }

  private keep(child: Child): void {
    this.kept = child.isGone ? undefined : child
    this.timer = setTimeout(() => void this.close(), KEPT_MILLISECONDS)
  }
}

function emptyFolder(folder: string): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
}

/** A child needs no queue and no hook, and whoever may look at its environment no secret of either. */
function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(?:REDIS_|SALVOR_HOOK_)/.test(name)))
}

function lost(why: string, exitCode: number): Outcome {
  return { kind: 'lost', why, exitCode }
}

function endOf(code: number | null, signal: NodeJS.Signals | null, stderr: string): string {
  const last = stderr.trim().split('\n').at(-1) ?? ''
  const how = signal === null ? `ended with ${code}` : `was ended by ${signal}`
  return `its process ${how}${last === '' ? '' : `: ${last}`}`
}

function limit(
  child: ChildProcess,
  { timeout, memory }: ChildLimits,
  end: (outcome: Outcome, isOfChild: boolean) => void,
): () => void {
  const over = (what: string, isOfChild: boolean): void => end(lost(what, exitCodes.limit), isOfChild)
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => over(`it took longer than ${timeout} seconds`, false), timeout * 1000)
  const poll =
    memory === undefined
      ? undefined
      : setInterval(() => {
          const used = ownMemory(child.pid)
          if (used !== undefined && used > memory * KIB_PER_MIB) over(`it took more than ${memory} MiB of memory`, true)
        }, POLL_MILLISECONDS)
  return () => {
    clearTimeout(timer)
    clearInterval(poll)
  }
}

/** KiB of memory that are the process's own and no file's (proc_pid_status(5)). */
function ownMemory(pid: number | undefined): number | undefined {
  try {
    const found = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return found === null ? undefined : Number(found[1])
  } catch {
    // It has ended.
    return undefined
  }
}
