import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/keyboard-read.js'

const file = { pid: 7, fd: 3, type: 'character', path: '/dev/input/event0' }
const process = { pid: 7, comm: 'x', exe: '/opt2/x', args: ['x'], container: null }
const find = (row: object, of: object = process) =>
  evaluateRule(rule, {
    files: [
      { ...file, ...row },
      { ...file, ...row },
    ],
    processes: [of],
  })

test('one of no installed program, or of a container, is found once', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 } }])
  expect(find({}, { ...process, exe: '/usr/bin/x', container: 'c1' })).toHaveLength(1)
})

test('neither one of the system, nor another device', () => {
  expect(find({}, { ...process, exe: '/usr/lib/systemd/systemd-logind' })).toEqual([])
  expect(find({ path: '/dev/null' })).toEqual([])
  expect(find({ path: null })).toEqual([])
})
