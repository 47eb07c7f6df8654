import { defineAnalyzer } from 'salvor'
import { evaluateAll, findingColumns, findingRows, ruleNeeds, ruleOptions } from 'salvor/findings'
import { builtinRules } from '../rules/index.js'

export default defineAnalyzer({
  name: 'findings',
  aliases: ['detections', 'alerts'],
  summary: 'What looks like an intrusion, with the rows that each finding rests on',
  description:
    'Rules read the other tables; `rules` says which there are and how far each was evaluated: one that was not has found ' +
    'nothing and says nothing. A rule of your own comes by --plugin.',
  torn: 'findings rest on rows of other tables, and are as sure as these.',
  examples: [
    { command: 'salvor findings memory.elf', what: 'the worst first' },
    {
      command: 'salvor findings memory.elf --container shop-web-1 --format json',
      what: 'of one container, with evidence',
    },
    {
      command: 'salvor findings memory.elf --without "packet-socket=our own sensor"',
      what: 'without one rule, and why',
    },
  ],
  columns: findingColumns,
  options: ruleOptions,
  evaluates: builtinRules.map(({ name }) => name),
  needs: ruleNeeds(builtinRules),
  *run(context) {
    const { results, known } = evaluateAll(builtinRules, context)
    yield findingRows(results, known.container)
  },
})
