import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const repository = fileURLToPath(new URL('../..', import.meta.url))
export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ReturnType<typeof spawn>
  readonly ended: Promise<Ended>
}

/** Starts the built command line over the stand-in kernel layer. */
export function start(args: readonly string[], options: { directory?: string; env?: NodeJS.ProcessEnv } = {}): Started {
  const child = spawn(process.execPath, [fixture('salvor.mjs'), ...args], {
    cwd: options.directory ?? repository,
    env: { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return { child, ended }
}

export function salvor(...args: string[]): Promise<Ended> {
  return start(args).ended
}
