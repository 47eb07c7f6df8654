import type { Argv } from 'yargs'
import type { Registry } from '../engine/registry.js'
import type { World } from './world.js'

export interface Invocation {
  /** The arguments as yargs parsed them. */
  readonly raw: Readonly<Record<string, unknown>>
  readonly world: World
  readonly registry: Registry
}

/** A subcommand. */
export interface Command {
  readonly name: string
  readonly aliases?: readonly string[]
  /** The name and its positional arguments, as yargs reads them. */
  readonly usage: string
  readonly summary: string
  readonly options: (yargs: Argv, registry: Registry) => Argv
  /** Answers the exit code. */
  readonly run: (invocation: Invocation) => Promise<number>
}
