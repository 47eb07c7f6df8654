import type { Example } from '../api/analyzer.js'
import type { Columns } from '../api/columns.js'
import type { Registry } from '../engine/registry.js'
import type { World } from './world.js'

/** An option as data: the parser, help and completion are made from it. */
export interface Option {
  /** Without dashes; one that begins with `no-` switches off what is on by default. */
  readonly name: string
  readonly alias?: string
  /** What stands for its value in help; an option without is a switch. */
  readonly value?: string
  readonly summary: string
  /** The values it can have, where these are known. */
  readonly choices?: readonly string[]
  readonly repeatable?: boolean
  /** An analyzer declares it: help has it first, and its value is taken as it is. */
  readonly own?: boolean
}

/** What stands after a command's name. */
export interface Argument {
  readonly name: string
  readonly kind:
    | 'image'
    | 'file'
    | 'analyzer'
    | 'analyzers and images'
    | 'command'
    | 'shell'
    | 'new name'
    | 'case'
    | 'sources'
    | 'word'
  /** What a word can be, where that is known. */
  readonly words?: readonly string[]
  readonly optional?: boolean
  readonly several?: boolean
}

export interface Invocation {
  /** The arguments as yargs parsed them. */
  readonly raw: Readonly<Record<string, unknown>>
  readonly world: World
  readonly registry: Registry
  /** All commands there are, the analyzers' own included. */
  readonly commands: readonly Command[]
}

/** A subcommand. */
export interface Command {
  readonly name: string
  readonly aliases?: readonly string[]
  /** Under which heading help lists it; an analyzer's area. */
  readonly area?: string
  readonly arguments: readonly Argument[]
  readonly summary: string
  readonly description?: string
  readonly examples?: readonly Example[]
  /** salvor calls it for itself: no help and no completion names it. */
  readonly internal?: boolean
  readonly options: readonly Option[]
  /** The command as these words ask for it, where its options follow from other words. */
  readonly narrowed?: (argv: readonly string[]) => Command
  /** The columns of the table it gives. */
  readonly columns?: Columns
  /** Answers the exit code. */
  readonly run: (invocation: Invocation) => Promise<number>
}

/** What is typed for a command, with words in capitals for what the user fills in. */
export function usageOf({ name, arguments: list }: Command): string {
  const words = list.map((argument) => {
    const word = `${argument.name.toUpperCase()}${argument.several ? '...' : ''}`
    return argument.optional ? `[${word}]` : word
  })
  return ['salvor', name, ...words].join(' ')
}
