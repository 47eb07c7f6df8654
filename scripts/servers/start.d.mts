import type { ChildProcess } from 'node:child_process'

export function findProgram(names: readonly string[], folder?: string): string | undefined
export function isProgram(path: string): boolean
export function freePort(): Promise<number>
export function ready(child: ChildProcess, port: number, said?: () => string): Promise<void>
export function killed(child: ChildProcess): Promise<void>
