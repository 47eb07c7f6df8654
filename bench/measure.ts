/** Time that whole processes take. */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..')
export const SALVOR = [process.execPath, join(ROOT, 'bin', 'salvor.cjs')]

export interface Run {
  /** Seconds of user and system time. */
  cpu: number
  /** Seconds on the clock. */
  wall: number
  code: number | null
}

/**
 * What a setting of the network's, which none of these commands uses, costs is not theirs: Node reads the certificates that
 * this names before any program begins, which takes longer than its own start.
 */
const { NODE_EXTRA_CA_CERTS: _, ...ENVIRONMENT } = process.env

/** Runs a command to its end; what it prints is of no interest. */
export function measure(command: readonly string[]): Run {
  const script = 'TIMEFORMAT="%U %S %R"; { time "$@" >/dev/null 2>&1; } 2>&1; exit $?'
  const { stdout, status } = spawnSync('bash', ['-c', script, 'measure', ...command], {
    encoding: 'utf8',
    env: ENVIRONMENT,
  })
  const [user = NaN, system = NaN, wall = NaN] = stdout.trim().split(' ').map(Number)
  return { cpu: user + system, wall, code: status }
}

/** Whether a command is there. */
export function has(command: string): boolean {
  return spawnSync(command, ['--help'], { stdio: 'ignore' }).status === 0
}

export function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN
}

export const seconds = (value: number): string => value.toFixed(2).padStart(8)
