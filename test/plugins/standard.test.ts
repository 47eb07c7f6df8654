import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { IndexEntry } from '../../dist/src/engine/registry.js'

const index = new URL('../../dist/bundle/plugins/index.json', import.meta.url)
const analyzers = JSON.parse(readFileSync(index, 'utf8')) as IndexEntry[]
const files = readdirSync(new URL('../../plugins/', import.meta.url), { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.ts') && !file.startsWith('rules/'))

test('every analyzer in plugins/ is in the index', () => {
  expect([...new Set(analyzers.map(({ file }) => file.replace(/\.cjs$/, '.ts')))].sort()).toEqual(files.sort())
})

/** Sentences stand in lists and in help, where a full stop is added if one is wanted. */
const sentence = /^[\p{L}\d].*[^.\s]$/u

test.each(analyzers)('$name is described to the standard', (analyzer) => {
  expect(analyzer.file).toBe(`${analyzer.area}/${analyzer.name}.cjs`)
  expect(analyzer.summary).toMatch(sentence)
  expect(analyzer.summary.length).toBeLessThanOrEqual(110)
  expect(analyzer.area).toMatch(/^[a-z]+$/)
  // Read behind «Memory of a host that went on: ».
  expect(analyzer.torn).toMatch(/^[a-z`].*[^.]\.$/s)
  expect(analyzer.examples?.length).toBeGreaterThan(0)
  for (const { command, what } of analyzer.examples ?? []) {
    expect(command).toMatch(new RegExp(`^salvor (${analyzer.name}|run .*${analyzer.name}) `))
    expect(what).toMatch(sentence)
  }
})

test.each(analyzers)('the columns of $name are named and described to the standard', ({ columns }) => {
  for (const [name, column] of Object.entries(columns)) {
    expect(name).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/)
    expect(column.description).toMatch(sentence)
    expect(column.description.length).toBeLessThanOrEqual(120)
  }
})
