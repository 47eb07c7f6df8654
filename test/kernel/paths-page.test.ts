/** Every example of docs/paths.md, held to the kernels of the embedded samples. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { backend } from '../../dist/src/kernel/backend.js'
import { native } from '../../dist/src/kernel/native.js'
import * as query from '../../dist/src/kernel/query.js'
import { sampleImage } from '../../dist/src/sample.js'
import { repository } from '../cli/run.js'

const SAMPLES = ['podman-debian11', 'docker-debian12', 'docker-debian13-la57']

interface Example {
  /** What the line is: `paths`, `walks`, `columns` or `rules`. */
  kind: string
  /** The object's type, and before it those that walks began at. */
  types: string[]
  line: string
}

function examples(page: string): Example[] {
  const blocks = [...page.matchAll(/^```(\w+) (.+)\n((?:.*\n)*?)```$/gm)]
  return blocks.flatMap(([, kind = '', head = '', body = '']) => {
    const lines = body.split('\n').map((line) => line.replace(/\s+\/\/ .*$/, '').trim())
    const types = head.split(' below ').reverse()
    return lines.filter((line) => line !== '').map((line) => ({ kind, types, line }))
  })
}

const page = readFileSync(join(repository, 'docs', 'paths.md'), 'utf8')
const all = examples(page)

/** What a line says in TypeScript, with the functions of `read` at hand. */
function evaluated(line: string): unknown {
  return new Function(...Object.keys(query), `return (${line})`)(...Object.values(query))
}

/** What is asked of an object: a walk from it, or its columns and rules. */
function asked({ kind, line }: Example, as?: string): object {
  const nothing = { select: [], rules: [], children: [] }
  if (kind === 'walks') return { ...nothing, children: [{ name: 'it', walk: evaluated(line), select: [] }] }
  if (kind === 'rules') return { ...nothing, rules: [evaluated(line)] }
  const column = kind === 'columns' ? (evaluated(line) as query.Select) : { path: line, as: as ?? 'value' }
  const field = typeof column === 'object' && 'path' in column ? column : { path: column }
  return { ...nothing, select: [{ name: 'it', ...field }] }
}

/** What a kernel lacks of an example. Walks to its object are there for their types alone. */
function lacks(image: number, example: Example, as?: string): string[] {
  const [first = '', ...rest] = example.types
  const walk = (type: string) => ({ kind: 'array', of: '', count: 1, type })
  const at = (types: string[]): object => {
    const [type, ...deeper] = types
    const own = deeper.length === 0 ? asked(example, as) : { select: [], children: [{ name: 'below', ...at(deeper) }] }
    return type === undefined ? own : { walk: walk(type), ...own }
  }
  const spec = { query: { from: { addresses: true, type: first }, ...at(rest) } }
  const [found] = JSON.parse(native.survey(image, [JSON.stringify(spec)])) as [{ what: string; needed: boolean }[]]
  return found.filter(({ needed }) => needed || example.kind === 'rules').map(({ what }) => what)
}

/** The names that the core lists where something is none of them. */
function listed(image: number, asked: object): string[] {
  const query = { from: { addresses: true, type: '' }, select: [], ...asked }
  try {
    native.survey(image, [JSON.stringify({ query })])
  } catch (error) {
    const names = (error as Error).message.split('expected one of ')[1] ?? ''
    return [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name).sort()
  }
  return []
}

/** A walk's kind; those of its alternatives are walks too. */
function kindsOf(walk: query.Walk): string[] {
  return walk.kind === 'alternatives' ? [walk.kind, ...walk.walks.flatMap(kindsOf)] : [walk.kind]
}

function linesOf(kind: string): string[] {
  return all.filter((example) => example.kind === kind).map(({ line }) => line)
}

describe.each(SAMPLES)('on the kernel of %s', (sample) => {
  const { id } = backend.open(sampleImage(sample), { cacheDir: null })
  afterAll(() => backend.close(id))

  test.each(all)('$kind $types: $line', (example) => {
    const found = lacks(id, example)
    // A path may also name what has no single value, but is somewhere.
    expect(example.kind === 'paths' && found.length > 0 ? lacks(id, example, 'address') : found).toEqual([])
  })
})

describe('the page has an example', () => {
  const { id } = backend.open(sampleImage(), { cacheDir: null })
  afterAll(() => backend.close(id))
  const unique = (names: string[]) => [...new Set(names)].sort()

  test('of every walk', () => {
    const walks = linesOf('walks').map((line) => evaluated(line) as query.Walk)
    const names = listed(id, { walk: { kind: 'none' } })
    expect(names).toContain('rhashtable')
    expect(unique(walks.flatMap(kindsOf))).toEqual(names)
  })

  test('of every way to read a column', () => {
    const columns = linesOf('columns').map((line) => evaluated(line) as query.Select)
    const leaves = columns.map((column) => (typeof column === 'object' && 'path' in column ? column.as : 'value'))
    const names = listed(id, { select: [{ name: 'it', path: '', as: 'none' }] })
    expect(names).toContain('d_path')
    expect(unique(leaves)).toEqual(names)
  })

  test('of everything that a rule asks', () => {
    const is = linesOf('rules').map((line) => (evaluated(line) as { is: string | object }).is)
    const tests = ['at_least', 'at_most', 'equals', 'image', 'name_hash', 'origin', 'origin_or_null', 'own']
    expect(unique(is.map((test) => (typeof test === 'string' ? test : (Object.keys(test)[0] ?? ''))))).toEqual(
      [...tests, 'pointer', 'pointer_or_null', 'stack', 'symbol', 'text'].sort(),
    )
  })

  test.each([
    ['a member', /^\w+$/],
    ['a struct in place', /^\w+\.\w/],
    ['a pointer', /->/],
    ['an element', /\[\d+\]/],
    ['a constant', /\[[A-Z_]+\]/],
    ['an index that is read', /\[\w+->/],
    ['an index in parentheses', /\[\(/],
    ['a cast', /^\(\(struct/],
    ['an integer of several words', /\(unsigned \w+ \*\)/],
    ["a module's type", /\w+:struct/],
    ['container_of', /^container_of\(/],
    ['a symbol', /^symbol\(\w+\)/],
    ['a symbol with its type', /^symbol\(struct \w+ \w+\)/],
    ['the object above', /^\^\.\w/],
    ['the one above that', /^\^\^\.\w/],
    ['each operator', /& ~0x\w+ >> \d << \d \+ \d - \d/],
  ])('of %s', (_, form) => {
    expect(linesOf('paths').filter((line) => form.test(line))).not.toEqual([])
  })
})
