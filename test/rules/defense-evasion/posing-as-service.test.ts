import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/posing-as-service.js'

const process = { pid: 7, comm: 'sshd', args: ['sshd: root'], exe: '/tmp/.x/a', container: null }
const find = (row: object) => evaluateRule(rule, { processes: [{ ...process, ...row }] })

test('a program that was dropped and has the name of a service is found', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 }, summary: '‘/tmp/.x/a’ calls itself ‘sshd’' }])
  expect(find({ comm: 'a', args: ['/usr/sbin/nginx'], exe: '/dev/shm/a (deleted)' })).toHaveLength(1)
})

test('neither the service itself, nor one of a home directory, nor another name', () => {
  expect(find({ exe: '/usr/sbin/sshd' })).toEqual([])
  expect(find({ exe: '/home/u/.local/bin/containerd', comm: 'containerd' })).toEqual([])
  expect(find({ comm: 'a', args: null })).toEqual([])
  expect(find({ exe: null })).toEqual([])
})
