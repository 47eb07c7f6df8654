import { option } from '../api/options.js'
import type { Rule } from '../api/rule.js'
import { optionError } from '../option-error.js'

export const withoutOption = option.list(
  'A rule that is not evaluated, with the reason that the table of rules gives',
  {
    example: 'packet-socket=our own sensor',
  },
)

/** Rules by name with the reason why they are switched off; an option error where there is no such rule or no reason. */
export function switchedOff(without: readonly string[], rules: readonly Rule[]): Map<string, string> {
  const names = new Set(rules.map(({ name }) => name))
  return new Map(
    without.map((text) => {
      const at = text.indexOf('=')
      const [name, reason] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1).trim()]
      if (!names.has(name)) throw optionError(`--without: there is no rule ${JSON.stringify(name)}; see: salvor rules`)
      if (reason === '') throw optionError(`--without: say why, as in ${name}=our own sensor`)
      return [name, reason]
    }),
  )
}
