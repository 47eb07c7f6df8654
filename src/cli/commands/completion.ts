import { basename } from 'node:path'
import { SalvorError } from '../../engine/errors.js'
import { exitCodes } from '../../engine/status.js'
import { anyOf, choice } from '../../engine/words.js'
import type { Command } from '../command.js'

const shells = ['bash', 'zsh', 'fish'] as const

/** The shell that was asked for, else the user's own. */
function shellOf(asked: unknown, own: string | undefined): (typeof shells)[number] {
  if (typeof asked === 'string') return choice('completion', asked, shells)
  const found = shells.find((shell) => shell === basename(own ?? ''))
  if (found === undefined) throw new SalvorError('USAGE', `completion for which shell? ${anyOf(shells)}`)
  return found
}

export const completionCommand: Command = {
  name: 'completion',
  arguments: [{ name: 'shell', kind: 'shell', optional: true }],
  summary: 'Writes the completion script for bash, zsh or fish',
  description:
    'The script completes analyzers, commands, their options and the names of files. Plugins have no part in it.',
  examples: [
    {
      command: 'salvor completion bash > ~/.local/share/bash-completion/completions/salvor',
      what: 'for every new bash',
    },
    { command: 'salvor completion zsh > ~/.zfunc/_salvor', what: 'for every new zsh, with ~/.zfunc in fpath' },
    { command: 'salvor completion fish > ~/.config/fish/completions/salvor.fish', what: 'for every new fish' },
  ],
  options: [],
  run: async ({ raw, world, commands }) => {
    const { bashCompletion, fishCompletion, zshCompletion } = await import('../completion.js')
    const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion }
    world.stdout.write(scripts[shellOf(raw.shell, world.env.SHELL)](commands))
    return exitCodes.complete
  },
}
