import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/release-agent.js'

const mount = { mnt_ns: 1, id: 5, type: 'cgroup', device: '0:31' }
const find = (super_options: string | null) =>
  evaluateRule(rule, { mounts: [mount, { ...mount, id: 6 }].map((row) => ({ ...row, super_options })) })

test('a release agent is found once for its hierarchy', () => {
  expect(find('rw,rdma,release_agent=/var/lib/docker/overlay2/ab/diff/cmd')).toMatchObject([{ severity: 'critical' }])
  expect(find('rw,memory,release_agent=/usr/sbin/x')).toMatchObject([{ severity: 'high' }])
})

test.each(['rw,xattr,release_agent=/lib/systemd/systemd-cgroups-agent,name=systemd', 'rw,memory', null])(
  '%s is not',
  (options) => {
    expect(find(options)).toEqual([])
  },
)
