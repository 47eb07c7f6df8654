/** The pages about analyzers say what the declarations say: `npm run docs` makes them. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { builtinRules } from '../../dist/plugins/rules/index.js'
import { Registry } from '../../dist/src/engine/registry.js'
import { indexPage, pageOf, readmeTable } from '../../scripts/docs/pages.mjs'
import { rulesPage } from '../../scripts/docs/rules.mjs'
import { readTallies } from '../../scripts/docs/tallies.mjs'
import { repository } from '../cli/run.js'

const analyzers = Registry.builtin().list()
const folder = join(repository, 'docs', 'analyzers')

const read = (...path: string[]): string => readFileSync(join(repository, ...path), 'utf8')

test('there is a page for each analyzer, and none else', () => {
  const pages = analyzers.map(({ name }) => `${name}.md`)
  expect(readdirSync(folder).sort()).toEqual([...pages, 'README.md'].sort())
})

test.each(analyzers)('the page of $name is its declaration', (analyzer) => {
  expect(read('docs', 'analyzers', `${analyzer.name}.md`)).toBe(pageOf(analyzer))
})

test('README and the list of pages name them all', () => {
  expect(read('docs', 'analyzers', 'README.md')).toBe(indexPage(analyzers))
  expect(read('README.md')).toContain(`<!-- analyzers -->\n${readmeTable(analyzers)}<!-- /analyzers -->`)
})

test('the page of the rules is their declarations, and how they did', () => {
  expect(read('docs', 'rules.md')).toBe(rulesPage(builtinRules, readTallies()))
})

test('a bar in a sentence does not end its cell', () => {
  const page = pageOf({ name: 'x', summary: 'X', columns: { one: { type: 'text', description: 'a | b' } } })
  expect(page).toContain('| `one` | text | a \\| b |\n')
})
