import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/persistence/restarted-with-host.js'

const mount = { source: '/', target: '/host', type: 'bind', options: ['rbind', 'rw'] }
const container = { id: 'c', init_pid: 9, name: 'agent', image: 'x', mounts: [mount] }
const setting = { container: 'c', restart_policy: 'always', labels: {} }
const find = (settings: object = {}, containers: object = {}) =>
  evaluateRule(rule, { settings: [{ ...setting, ...settings }], containers: [{ ...container, ...containers }] })

test('a container with the host in it that is started again', () => {
  expect(find()).toMatchObject([{ about: { container: 'c', pid: 9 }, severity: 'medium' }])
  expect(find({ restart_policy: 'unless-stopped', labels: null }, { init_pid: null })).toHaveLength(1)
  const socket = { ...mount, source: '/var/run/docker.sock', target: '/var/run/docker.sock' }
  expect(find({}, { mounts: [socket] })).toMatchObject([{ severity: 'low' }])
})

test.each([
  [{ restart_policy: 'no' }, {}],
  [{ restart_policy: 'on-failure' }, {}],
  [{ restart_policy: null }, {}],
  [{ labels: { 'com.docker.compose.project': 'shop' } }, {}],
  [{ labels: { 'io.x-k8s.kind.cluster': 'kind' } }, {}],
  [{}, { mounts: [{ ...mount, source: '/srv/data' }] }],
  [{}, { mounts: [{ ...mount, options: ['rbind', 'ro'] }] }],
  [{}, { mounts: null }],
  [{ container: 'd' }, {}],
])('%j %j is none', (settings, containers) => {
  expect(find(settings, containers)).toEqual([])
})
