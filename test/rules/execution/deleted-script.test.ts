import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/deleted-script.js'

const script = { pid: 7, fd: 255, type: 'file', path: '/tmp/x.sh (deleted)', deleted: true }
const find = (file: object, exe: string | null = '/usr/bin/bash') =>
  evaluateRule(rule, {
    files: [{ ...script, ...file }],
    processes: [{ pid: 7, comm: 'bash', exe, args: ['bash', '/tmp/x.sh'] }],
  })

test('what a shell still reads', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 }, evidence: [{ table: 'open-files' }, { table: 'processes' }] }])
})

test.each([{ deleted: false }, { fd: 3 }, { type: 'character' }, { fd: null }, { pid: null }])('%j is none', (file) => {
  expect(find(file)).toEqual([])
})

test('nor is the deleted file of another program', () => {
  expect(find({}, '/usr/sbin/mysqld')).toEqual([])
})
