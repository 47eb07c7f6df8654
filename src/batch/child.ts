/** A job in a process of its own: what it takes is limited, and what it breaks is that job. */

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
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

/** Does a job in a child process. Never throws: what happens to the child is an outcome. */
export function runChild(program: ChildProgram, request: ChildRequest, watch: ChildWatch): Promise<Outcome> {
  const child = spawn(process.execPath, [program.entry, CHILD_COMMAND, ...program.options], {
    stdio: [request.job.path === STANDARD_INPUT ? 'inherit' : 'ignore', 'ignore', 'pipe', 'ipc'],
    // What is asked of it is JSON, and so is what it answers.
    serialization: 'json',
    env: withoutSecrets(process.env),
  })
  return new Promise((resolve) => {
    let outcome: Outcome | undefined
    let stderr = ''
    const end = (lost: Outcome): void => {
      outcome ??= lost
      child.kill('SIGKILL')
    }
    const stopLimits = limit(child, request.job.limits, end)
    const interrupt = (): void => end(lost('interrupted', exitCodes.interrupted))
    watch.signal.addEventListener('abort', interrupt, { once: true })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = `${stderr}${text}`.slice(-MOST_STDERR)
    })
    child.on('message', (message: ChildMessage) => {
      if (message.kind === 'outcome') outcome ??= message.outcome
      else watch.progress(message.task, message.done, message.total)
    })
    child.on('error', (error) => end(lost(`its process did not start: ${error.message}`, exitCodes.internal)))
    child.on('close', (code, signal) => {
      stopLimits()
      watch.signal.removeEventListener('abort', interrupt)
      resolve(outcome ?? lost(endOf(code, signal, stderr), exitCodes.internal))
    })
    child.send(request, () => {
      // A child that is gone already has said so by its end.
    })
  })
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

function limit(child: ChildProcess, { timeout, memory }: ChildLimits, end: (outcome: Outcome) => void): () => void {
  const over = (what: string): void => end(lost(what, exitCodes.limit))
  const timer =
    timeout === undefined ? undefined : setTimeout(() => over(`it took longer than ${timeout} seconds`), timeout * 1000)
  const poll =
    memory === undefined
      ? undefined
      : setInterval(() => {
          const used = ownMemory(child.pid)
          if (used !== undefined && used > memory * KIB_PER_MIB) over(`it took more than ${memory} MiB of memory`)
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
