import type { RuleDeclaration } from '../../dist/src/api/rule.js'
export function rulesPage(rules: readonly RuleDeclaration[], tallies: object): string
