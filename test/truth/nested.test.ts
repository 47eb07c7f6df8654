/** Containers of an engine in a container, and runtimes by hand, against what the engines said: settings, drift and rules. */

import { evaluateRule } from 'salvor/testing'
import { describe, expect, it } from 'vitest'
import managementClient from '../../dist/plugins/rules/execution/management-client-in-container.js'
import { nestedSample, table } from './images.js'

type Row = Record<string, unknown>

interface Docker {
  Id: string
  Name: string
  Config: { Image: string; Cmd: string[]; Labels: Record<string, string> }
  HostConfig: {
    Memory: number
    PidsLimit: number | null
    Privileged: boolean
    CapAdd: string[] | null
    SecurityOpt: string[] | null
  }
  State: { Status: string; Pid: number; ExitCode: number }
}

interface Listed {
  id: string
  pid: number
  status: string
}

const image = nestedSample()

describe(image.title, () => {
  const rowsOf = (name: string): Row[] => table(name, image.as('lime')).rows
  const outer = image.truth<Docker[]>('raw/docker-inspect.json')
  const inner = image.truth<Docker[]>('raw/dind-inspect.json')
  const called = (name: string) => [...outer, ...inner].find(({ Name }) => Name === `/${name}`)?.Id ?? 'nobody'
  const containers = rowsOf('containers')
  const drift = rowsOf('drift')
  const processes = rowsOf('processes')
  const settings = new Map(rowsOf('container-settings').map((row) => [row.container, row]))

  it.each([...outer, ...inner].map((told) => [told.Name, told] as const))('has %s as its engine does', (_, told) => {
    const row = containers.find(({ id }) => id === told.Id)
    const parent = inner.includes(told) ? called('dind') : null
    expect(row).toMatchObject({ name: told.Name.slice(1), image: told.Config.Image, state: told.State.Status, parent })
    if (parent === null && told.State.Pid > 0) expect(row?.init_pid).toBe(told.State.Pid)
    const { Memory, PidsLimit } = told.HostConfig
    expect(settings.get(told.Id)).toMatchObject({
      command: told.Config.Cmd,
      labels: told.Config.Labels,
      memory_limit: Memory === 0 ? null : Memory,
      pids_limit: PidsLimit || null,
      exit_code: told.State.Status === 'exited' ? told.State.ExitCode : null,
    })
  })

  const byHand = ['runc', 'crun'].flatMap((runtime) =>
    (image.truth<Listed[] | null>(`raw/${runtime}-list.json`) ?? []).map((listed) => ({ ...listed, runtime })),
  )

  it.each(byHand)('has $id, made by hand, as its runtime does', ({ id, pid, status, runtime }) => {
    expect(containers.find((row) => row.id === id)).toMatchObject({
      runtime,
      init_pid: pid,
      state: status,
      parent: null,
    })
  })

  it('compares containers of the inner engine with what was declared of them', () => {
    const ids = new Set(inner.map(({ Id }) => Id))
    const rows = drift.filter(({ container }) => ids.has(container as string))
    expect(rows.filter(({ aspect }) => aspect === 'declaration')).toEqual([])
    expect(rows).toEqual([])
    // One of them has more than its image gives it, and all of that was declared.
    const { HostConfig } = inner.find(({ Name }) => Name === '/inner-drift') ?? {}
    expect(HostConfig).toMatchObject({ CapAdd: ['NET_ADMIN'], SecurityOpt: ['seccomp=unconfined'] })
    expect(drift.filter(({ container }) => container === called('dind')).length).toBeGreaterThan(3)
  })

  it('tells a client that talks with the engine in its own container by its connection', () => {
    const sockets = rowsOf('sockets')
    const found = evaluateRule(managementClient, { processes, sockets }, containers)
    expect(found).toMatchObject([
      { about: { comm: 'docker', container: called('dind') }, severity: 'info', evidence: [{}, { table: 'sockets' }] },
    ])
    // Without its connection it may be a client of anything.
    expect(evaluateRule(managementClient, { processes, sockets: [] }, containers)).toMatchObject([
      { severity: 'medium' },
    ])
  })
})
