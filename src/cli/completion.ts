/** Completion scripts, made from the same declarations as help. They run nothing: a shell must not wait. */

import type { Command, Option } from './command.js'

const HELP: Option = { name: 'help', alias: 'h', summary: 'Show help' }

/** The options of a command; where analyzers run together, with those of each of them. */
function optionsOf({ options, arguments: list }: Command, commands: readonly Command[]): readonly Option[] {
  const together = list.some(({ kind }) => kind === 'analyzers and images')
  const qualified = (analyzer: Command) => {
    return analyzer.options
      .filter(({ own }) => own)
      .map((option) => ({ ...option, name: `${analyzer.name}.${option.name}` }))
  }
  return [...options, ...(together ? commands.flatMap(qualified) : []), HELP]
}

function namesOf({ name, aliases = [] }: Command): readonly string[] {
  return [name, ...aliases]
}

/** Commands and analyzers that may stand where a command's argument does. */
function wordsFor(command: Command, commands: readonly Command[]): readonly string[] {
  const kinds = command.arguments.map(({ kind }) => kind)
  if (kinds.includes('command')) return commands.flatMap(namesOf)
  if (kinds.includes('shell')) return ['bash', 'zsh', 'fish']
  if (kinds.includes('word')) return command.arguments.flatMap(({ words = [] }) => words)
  if (kinds.some((kind) => kind.startsWith('analyzer'))) {
    return commands.filter(({ area }) => area !== undefined).flatMap(namesOf)
  }
  return []
}

/** What can follow an option, where that is known; null where it takes no value. */
function valuesOf(option: Option, command: Command, commands: readonly Command[]): readonly string[] | null {
  if (option.value === undefined) return null
  if (option.choices !== undefined) return option.choices
  // A plugin's option may be called like one of these.
  if (option.own) return []
  if (option.name === 'analyzers')
    return commands.flatMap(({ name, arguments: [reads], area }) =>
      area !== undefined && reads?.kind === 'image' ? name : [],
    )
  return ['columns', 'sort'].includes(option.name) ? Object.keys(command.columns ?? {}) : []
}

function flags({ name, alias }: Option): readonly string[] {
  return alias === undefined ? [`--${name}`] : [`--${name}`, `-${alias}`]
}

/** A text between single quotes, for any of the three shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function bashCase(command: Command, commands: readonly Command[]): string {
  const values = optionsOf(command, commands).flatMap((option) => {
    const found = valuesOf(option, command, commands)
    if (found === null) return []
    const reply = found.length === 0 ? 'compgen -f' : `compgen -W ${quoted(found.join(' '))}`
    return `        ${flags(option).join('|')}) COMPREPLY=($(${reply} -- "$current")); return ;;`
  })
  const words = wordsFor(command, commands).join(' ')
  return [
    `    ${namesOf(command).join('|')})`,
    `      case "$previous" in`,
    ...values,
    `      esac`,
    `      options=${quoted(optionsOf(command, commands).flatMap(flags).join(' '))}`,
    `      words=${quoted(words)} ;;`,
  ].join('\n')
}

export function bashCompletion(commands: readonly Command[]): string {
  return `# bash completion for salvor
_salvor() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} options= words=
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W ${quoted([...commands.flatMap(namesOf), '--help', '--version'].join(' '))} -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${commands.map((command) => bashCase(command, commands)).join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _salvor salvor
`
}

/** A description as zsh takes it in brackets. */
function bracketed(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&')
}

function zshOption(option: Option, command: Command, commands: readonly Command[]): string {
  const values = valuesOf(option, command, commands)
  const action = values === null ? '' : values.length === 0 ? ':value:_files' : `:value:(${values.join(' ')})`
  return flags(option)
    .map((flag) => quoted(`*${flag}[${bracketed(option.summary)}]${action}`))
    .join(' ')
}

function zshCase(command: Command, commands: readonly Command[]): string {
  const words = wordsFor(command, commands)
  const either = quoted(`*:word:{ compadd -- ${words.join(' ')}; _files }`)
  const options = optionsOf(command, commands).map((option) => zshOption(option, command, commands))
  const argument = command.arguments.length === 0 ? [] : [words.length === 0 ? quoted('*:file:_files') : either]
  return `    ${namesOf(command).join('|')}) _arguments ${[...options, ...argument].join(' \\\n        ')} ;;`
}

export function zshCompletion(commands: readonly Command[]): string {
  const listed = commands.flatMap((command) => {
    return namesOf(command).map((name) => `    ${quoted(`${name}:${command.summary}`)}`)
  })
  return `#compdef salvor
_salvor() {
  local -a commands=(
${listed.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'analyzer or command' commands
    return
  fi
  local name=\${words[2]}
  shift words
  (( CURRENT-- ))
  case "$name" in
${commands.map((command) => zshCase(command, commands)).join('\n')}
  esac
}
# Read from fpath it is the function's own body, else it is sourced.
if [[ $funcstack[1] == _salvor ]]; then _salvor "$@"; else compdef _salvor salvor; fi
`
}

function fishOption(option: Option, command: Command, commands: readonly Command[]): string {
  const values = valuesOf(option, command, commands)
  const takes = values === null ? '' : values.length === 0 ? ' -r' : ` -x -a ${quoted(values.join(' '))}`
  const short = option.alias === undefined ? '' : ` -s ${option.alias}`
  const when = quoted(`__fish_seen_subcommand_from ${namesOf(command).join(' ')}`)
  return `complete -c salvor -n ${when} -l ${option.name}${short}${takes} -d ${quoted(option.summary)}`
}

export function fishCompletion(commands: readonly Command[]): string {
  const first = commands.flatMap((command) => {
    return namesOf(command).map(
      (name) => `complete -c salvor -f -n __fish_use_subcommand -a ${name} -d ${quoted(command.summary)}`,
    )
  })
  const others = commands.flatMap((command) => {
    const words = wordsFor(command, commands)
    const when = quoted(`__fish_seen_subcommand_from ${namesOf(command).join(' ')}`)
    return [
      ...(words.length === 0 ? [] : [`complete -c salvor -n ${when} -a ${quoted(words.join(' '))}`]),
      ...optionsOf(command, commands).map((option) => fishOption(option, command, commands)),
    ]
  })
  return `# fish completion for salvor\n${[...first, ...others].join('\n')}\n`
}
