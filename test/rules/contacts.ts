/** What every rule over contacts is held to. */

import type { Rule } from 'salvor'
import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import type rule from '../../dist/plugins/rules/discovery/kubelet-contacted.js'

type Address = readonly [address: string, port: number]

const containers = [{ id: 'c1', init_pid: 7, name: 'web', image: null }]

interface Expected {
  /** Of the first, a connection that is only tracked yet is told too. */
  readonly told: readonly [Address, ...Address[]]
  readonly others: readonly (readonly [string | null, number | null])[]
  readonly severity: string
  /** Where somebody calls by hand. */
  readonly worse: string
}

/** A rule of contacts; `more` are rows of what it reads beside the tables of all of them. */
export function findsContacts(
  contacted: Rule<(typeof rule)['reads']>,
  { told, others, severity, worse }: Expected,
  more?: object,
): void {
  const find = (address: string | null, port: number | null, exe = '/app/server', container: string | null = 'c1') =>
    evaluateRule(
      contacted,
      {
        processes: [{ pid: 7, ppid: 5, comm: 'x', args: ['x'], exe, container }],
        sockets: [{ pid: 7, container, state: 'ESTABLISHED', remote_address: address, remote_port: port }],
        tracked: null,
        ...more,
      },
      containers,
    )

  test.each(told)('%s:%i is told, and worse where somebody calls it by hand', (address, port) => {
    expect(find(address, port)).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity }])
    expect(find(address, port, '/usr/bin/curl')).toMatchObject([{ severity: worse }])
    expect(find(address, port, '/usr/bin/curl', null)).toEqual([])
  })

  test('a connection that is only tracked yet is told of its container', () => {
    const [[destination, destination_port]] = told
    const row = { source_container: 'c1', destination, destination_port, reply_source: null, reply_source_port: null }
    const given = { processes: [], sockets: [], tracked: [row, row], ...more }
    expect(evaluateRule(contacted, given, containers)).toMatchObject([{ about: { container: 'c1' }, severity }])
  })

  test.each(others)('%s:%s is not', (address, port) => {
    expect(find(address, port, '/usr/bin/curl')).toEqual([])
  })
}
