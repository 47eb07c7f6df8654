import { defineAnalyzer } from 'salvor'
import { evaluateAll, ruleColumns, ruleNeeds, ruleOptions, ruleRows } from 'salvor/findings'
import { builtinRules } from '../rules/index.js'

export default defineAnalyzer({
  name: 'rules',
  summary: 'The rules behind findings, and how far each was evaluated on this image',
  description:
    'A rule is not evaluated where a table that it reads could not be made, and partly where one is not whole: finding ' +
    'nothing then says nothing.',
  torn: 'a rule whose tables are torn is evaluated partly, and says which.',
  examples: [{ command: 'salvor rules memory.elf', what: 'what was looked for, and what could not be' }],
  columns: ruleColumns,
  key: ['rule'],
  options: ruleOptions,
  evaluates: builtinRules.map(({ name }) => name),
  needs: ruleNeeds(builtinRules),
  *run(context) {
    yield ruleRows(evaluateAll(builtinRules, context).results)
  },
})
