// The page about the rules: what each means, and how it did on images of which it is known what was planted in them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../lib.mjs'
import { WITHOUT_RULE } from './without-rule.mjs'

const MADE = '<!-- Made by `npm run docs` from the declarations of the rules: change it there. -->'

const cell = (text) => text.replaceAll('|', '\\|')
const attack = (id) => `[${id}](https://attack.mitre.org/techniques/${id.replace('.', '/')}/)`

/** Rules by tactic, in the order in which they are declared. */
function byTactic(rules) {
  const tactics = new Map()
  for (const rule of rules) tactics.set(rule.tactic, [...(tactics.get(rule.tactic) ?? []), rule])
  return tactics
}

function section(rule) {
  const { name, title, means, next, attack: techniques, kubernetes = [], severity, confidence, reads } = rule
  const tables = [...new Set(Object.values(reads).map(({ analyzer }) => analyzer))].sort()
  return [
    '',
    `### ${name}`,
    '',
    `${title}. ${means}`,
    '',
    `Severity ${severity}, confidence ${confidence}; ${[...techniques.map(attack), ...kubernetes].join(', ')}; reads ${tables
      .map((table) => `[\`${table}\`](analyzers/${table}.md)`)
      .join(', ')}.`,
    '',
    ...next.map((step) => `- ${step}`),
  ]
}

/** How the rules did on images with planted traces: each trace with the rules that are meant for it. */
function record(rules, tallies) {
  const images = Object.keys(tallies)
  const row = ({ name }) => {
    const cells = images.map((image) => {
      const { found = 0, planted = 0, beside = 0 } = tallies[image][name] ?? {}
      return planted === 0 && found === 0 && beside === 0 ? '' : `${found} of ${planted}; ${beside}`
    })
    return cells.every((text) => text === '') ? [] : [`| ${name} | ${cells.join(' | ')} |`]
  }
  return [
    '',
    '## How they did',
    '',
    'Of the traces that were planted in two hosts and that a rule is meant for, how many it found; behind that, its',
    'findings of medium severity or above that are of nothing planted. Held by `test/findings/`.',
    '',
    `| rule | ${images.join(' | ')} |`,
    `|---|${'---|'.repeat(images.length)}`,
    ...rules.flatMap(row),
  ]
}

/** What no rule tells, so that finding nothing of it is not taken for its absence. */
function without() {
  const links = (tables) => tables.map((table) => `[\`${table}\`](analyzers/${table}.md)`).join(', ')
  return [
    '',
    '## What no rule tells',
    '',
    'Signs of intrusions that memory may hold and no rule reads, and why; the tables are where to look.',
    '',
    '| sign | why there is no rule | tables |',
    '|---|---|---|',
    ...WITHOUT_RULE.map(({ sign, why, tables }) => `| ${cell(sign)} | ${cell(why)} | ${links(tables)} |`),
  ]
}

/** docs/rules.md. */
export function rulesPage(rules, tallies) {
  const lines = [MADE, '', '# Rules', '']
  lines.push(
    `${rules.length} rules read the tables; \`salvor findings\` has what they find, \`salvor rules\` how far each was evaluated.`,
    'One is switched off by `--without NAME=REASON`, and the reason stays in the output. A rule of your own is a file:',
    '',
    '```ts',
    readFileSync(join(root, 'test', 'fixtures', 'plugins', 'netcat.ts'), 'utf8').trimEnd(),
    '```',
    '',
    '`salvor findings memory.elf --plugin ./netcat.ts` evaluates it beside the others.',
  )
  lines.push(...record(rules, tallies))
  for (const [tactic, list] of byTactic(rules)) lines.push('', `## ${cell(tactic)}`, ...list.flatMap(section))
  lines.push(...without())
  return `${lines.join('\n')}\n`
}
