import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/typed-into-terminal.js'

const terminal = { name: 'pts0', driver: 'pts', pid: 7, comm: 'ash', container: 'c1' }
const find = (read: string | null, history: object[] = [], changes: object = {}) =>
  evaluateRule(rule, { terminals: [{ ...terminal, read, unread: null, ...changes }], history })

test('what a shell without a history was told', () => {
  const found = find('id\rcat /etc/shadow\r')
  expect(found).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity: 'medium' }])
  expect(found[0]?.summary).toContain('reads password hashes: ‘cat /etc/shadow’')
  expect(find('nsenter -t 1 -m sh\n')).toMatchObject([{ severity: 'high' }])
  expect(find(null, [], { unread: 'cat /etc/shadow' })).toMatchObject([{ severity: 'medium' }])
})

test('neither what the shell remembers itself, nor what anybody types', () => {
  expect(find('cat /etc/shadow\r', [{ pid: 7, command: 'cat /etc/shadow' }])).toEqual([])
  expect(find('ls\rsecret password\r')).toEqual([])
  expect(find(null)).toEqual([])
  expect(find('cat /etc/shadow\r', [], { pid: null })).toEqual([])
  expect(find('cat /etc/shadow\r', [], { driver: 'ptm' })).toEqual([])
})
