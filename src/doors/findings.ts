/** The door `salvor/findings`: how rules are evaluated and what becomes of what they find. */
export { evaluateAll, ruleNeeds, ruleOptions } from '../findings/analysis.js'
export { findingColumns, findingRows, ruleColumns, ruleRows } from '../findings/rows.js'
