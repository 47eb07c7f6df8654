/** Containers of podman on cgroup v1, as far as memory holds them, against what podman told. */

import { describe, expect, it } from 'vitest'
import { samples, table } from './images.js'

interface Inspected {
  Id: string
  Name: string
  BoundingCaps: string[] | null
  State: { Status: string; Pid: number }
  HostConfig: { Privileged: boolean }
}

const FILE = 'raw/podman-inspect.json'

for (const image of samples().filter((sample) => sample.has(FILE))) {
  describe(`containers of ${image.title}`, () => {
    const told = image.truth<Inspected[]>(FILE).sort((left, right) => (left.Id < right.Id ? -1 : 1))
    const { rows, warnings } = table('containers', image.as('lime'))

    it('are those that podman told, none too many, with name, state and first process', () => {
      expect(rows.map(({ id, name, state, init_pid }) => ({ id, name, state, init_pid }))).toEqual(
        told.map(({ Id, Name, State }) => ({
          id: Id,
          name: Name,
          state: State.Status,
          init_pid: State.Status === 'exited' ? null : State.Pid,
        })),
      )
      expect(rows.every(({ runtime }) => runtime === 'podman')).toBe(true)
    })

    it('have the privileges that podman gave to those that live', () => {
      for (const { Id, State, BoundingCaps, HostConfig } of told) {
        const row = rows.find(({ id }) => id === Id)
        if (State.Status === 'exited') continue
        expect(row?.privileged, Id).toBe(HostConfig.Privileged)
        if (!HostConfig.Privileged) expect(new Set(row?.capabilities as string[])).toEqual(new Set(BoundingCaps))
      }
    })

    it('leave no row for containers that were removed, and say what is left of them', () => {
      expect(warnings.map(({ code }) => code)).toEqual(['leftover'])
    })
  })
}
