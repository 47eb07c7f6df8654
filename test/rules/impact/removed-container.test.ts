import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/impact/removed-container.js'

const find = (container: string | null, files: string[] | null = ['/tmp/x']) =>
  evaluateRule(rule, { removed: [{ cgroup: '/docker/c9', container, bytes: 4096, files }] })

test('what is left of containers is told once, what is left of a service is not', () => {
  expect(find('c9')).toMatchObject([{ evidence: [{ table: 'removed-containers' }] }])
  expect(find('c9', null)).toHaveLength(1)
  expect(find(null)).toEqual([])
  const removed = [{ cgroup: '/docker/c9', container: 'c9', bytes: 4096, files: [] }]
  expect(evaluateRule(rule, { removed }, [{ id: 'c9' }])).toEqual([])
})
