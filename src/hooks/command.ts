/** Events as JSON on the standard input of a command. No text of an image is part of the command. */

import { spawn } from 'node:child_process'
import type { Hook } from './hooks.js'

export interface CommandSettings {
  readonly command: string
  readonly directory: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds that it may take. */
  readonly timeout: number
}

/** Of what a command says before it fails. */
const MOST_STDERR = 4096
const NAME_LENGTH = 60

export function command({ command: text, directory, env, timeout }: CommandSettings): Hook {
  return {
    name: text.length > NAME_LENGTH ? `${text.slice(0, NAME_LENGTH)}…` : text,
    deliver: ({ body }, signal) =>
      new Promise((resolve, reject) => {
        const child = spawn('/bin/sh', ['-c', text], {
          cwd: directory,
          env,
          stdio: ['pipe', 'ignore', 'pipe'],
          // A group of its own, so that what it has started ends with it.
          detached: true,
        })
        let stderr = ''
        let why: string | undefined
        const end = (reason: string): void => {
          why ??= reason
          try {
            if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
          } catch {
            // They have ended.
          }
          // What has left the group may have the pipe open for ever.
          child.stderr.destroy()
        }
        const timer = setTimeout(() => end(`it took longer than ${timeout / 1000} seconds`), timeout)
        const interrupt = (): void => end('interrupted')
        signal.addEventListener('abort', interrupt, { once: true })
        child.stderr.setEncoding('utf8').on('data', (said: string) => {
          stderr = `${stderr}${said}`.slice(-MOST_STDERR)
        })
        child.on('error', (error) => end(error.message))
        child.on('close', (code, killedBy) => {
          clearTimeout(timer)
          signal.removeEventListener('abort', interrupt)
          if (code === 0 && why === undefined) return resolve()
          const last = stderr.trim().split('\n').at(-1) ?? ''
          const how = killedBy === null ? `it ended with ${code}` : `it was ended by ${killedBy}`
          reject(new Error(why ?? `${how}${last === '' ? '' : `: ${last}`}`))
        })
        // It need not read what it is told.
        child.stdin.on('error', () => {})
        child.stdin.end(body)
      }),
  }
}
