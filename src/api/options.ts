/** What an analyzer can be told on the command line, or by another that needs its table. */

import type { EvidenceFile } from './source.js'

/** What every option says of itself. */
export interface Described<T extends string> {
  readonly type: T
  readonly description: string
}

export interface TextSettings {
  readonly default?: string
  /** A value that help shows. */
  readonly example?: string
}

export interface CountSettings {
  readonly default?: number
  /** The least it can be; 0 unless told otherwise. */
  readonly least?: number
  /** The most it can be; any safe integer unless told otherwise. */
  readonly most?: number
}

export interface ChoiceSettings<T extends string = string> {
  readonly default?: T
}

export interface ListSettings {
  /** A value that help shows. */
  readonly example?: string
}

export interface TextOption extends Described<'text'>, TextSettings {}
export interface FlagOption extends Described<'flag'> {}
export interface CountOption extends Described<'count'>, CountSettings {}
export interface ChoiceOption<T extends string = string> extends Described<'choice'>, ChoiceSettings<T> {
  readonly choices: readonly T[]
}
export interface ListOption extends Described<'list'>, ListSettings {}
export interface FileOption extends Described<'file'> {}
export interface FilesOption extends Described<'files'> {}

export type Option = TextOption | FlagOption | CountOption | ChoiceOption | ListOption | FileOption | FilesOption
export type OptionType = Option['type']

/** Options by name, in snake_case; on the command line `min_size` is `--min-size`. */
export type Options = Readonly<Record<string, Option>>

/** The value of an option that a default saves from being null. */
type OrNull<O, V> = O extends { readonly default: V } ? V : V | null

/** What an analyzer reads of an option. */
export type OptionValue<O> = O extends FlagOption
  ? boolean
  : O extends ListOption
    ? readonly string[]
    : O extends FileOption
      ? EvidenceFile | null
      : O extends FilesOption
        ? readonly EvidenceFile[]
        : O extends CountOption
          ? OrNull<O, number>
          : O extends ChoiceOption<infer T>
            ? OrNull<O, T>
            : O extends TextOption
              ? OrNull<O, string>
              : never

/** All options of an analyzer as it reads them: what was not given has its default, or is null. */
export type OptionsRead<O extends Options> = { readonly [K in keyof O]: OptionValue<O[K]> }

/** The value of an option of the one that needs the table, in the place of one. */
export interface HandedOn {
  readonly option: string
}

/** Says that what the user gave for an option of the analyzer itself is given to the table that it needs. */
export function fromOption(name: string): HandedOn {
  return { option: name }
}

/** Some options, as one analyzer gives them to another; a file is for the user to name, and can only be handed on. */
export type OptionsGiven<O extends Options> = {
  readonly [K in keyof O]?: O[K] extends FileOption | FilesOption ? HandedOn : NonNullable<OptionValue<O[K]>> | HandedOn
}

/** An option's value as data: part of what a table is known by. A file is its path. */
export type OptionData = string | number | boolean | null | readonly string[]
export type OptionsData = Readonly<Record<string, OptionData>>
/** The same where some come from options of the analyzer that gives them. */
export type OptionsNeeded = Readonly<Record<string, OptionData | HandedOn>>

/** Constructors of options; each takes the sentence that help shows. */
export const option = {
  /** Any text; null where it is not given. */
  text: <const S extends TextSettings = object>(description: string, settings?: S): TextOption & S =>
    ({ type: 'text', description, ...settings }) as TextOption & S,
  /** A switch, off unless given. */
  flag: (description: string): FlagOption => ({ type: 'flag', description }),
  /** A whole number from `least` to `most`; null where it is not given. */
  count: <const S extends CountSettings = object>(description: string, settings?: S): CountOption & S =>
    ({ type: 'count', description, ...settings }) as CountOption & S,
  /** One of some words; null where it is not given. */
  choice: <const T extends string, const S extends ChoiceSettings<NoInfer<T>> = object>(
    description: string,
    choices: readonly T[],
    settings?: S,
  ): ChoiceOption<T> & S => ({ type: 'choice', description, choices, ...settings }) as ChoiceOption<T> & S,
  /** Texts, one each time it is given. */
  list: (description: string, settings: ListSettings = {}): ListOption => ({ type: 'list', description, ...settings }),
  /** A file that is read beside the image; null where none is given. */
  file: (description: string): FileOption => ({ type: 'file', description }),
  /** Files that are read beside the image, one each time it is given. */
  files: (description: string): FilesOption => ({ type: 'files', description }),
}
