/** Timers against fdinfo of timerfds, and against what the planted and other sleepers were told. */

import { describe, expect, it } from 'vitest'
import { samples, sharedImages, table } from './images.js'

interface Opened {
  pid: number
  fds: { fd: number; fdinfo: string }[]
}

interface Row {
  tid: number
  pid: number
  kind: string
  id: number | null
  clock: string
  armed: boolean
  expires: string | null
  interval_ns: number
}

const CLOCKS: Record<string, string> = { 0: 'REALTIME', 1: 'MONOTONIC', 7: 'BOOTTIME' }
const rowsOf = (path: string) => table('timers', path).rows as unknown as Row[]

function fdinfo(text: string): Record<string, unknown> {
  const value = (name: string) => new RegExp(`^${name}: \\(?(.*?)\\)?$`, 'm').exec(text)?.[1] ?? ''
  const [seconds, nanoseconds] = value('it_interval').split(', ').map(Number)
  return {
    clock: CLOCKS[value('clockid')],
    interval_ns: (seconds ?? 0) * 1e9 + (nanoseconds ?? 0),
  }
}

const sampled = samples().filter((image) => image.has('timers.json'))

for (const image of [...sampled, ...sharedImages()]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has every timerfd as its fdinfo shows it', () => {
      const rows = rowsOf(image.as(own)).filter(({ kind }) => kind === 'timerfd')
      const opened = image.parts<Opened>('timers.json')
      const recorded = opened.flatMap(({ pid, fds }) => fds.map((descriptor) => ({ pid, ...descriptor })))
      const timers = recorded.filter((descriptor) => descriptor.fdinfo.includes('clockid'))
      expect(timers.length).toBeGreaterThan(7)
      for (const { pid, fd, fdinfo: text } of timers) {
        const row = rows.find((row) => row.pid === pid && row.id === fd)
        expect(row, `pid ${pid} fd ${fd}`).toMatchObject(fdinfo(text))
      }
      expect(rows.length).toBe(timers.length)
    })

    it('wakes every sleep when it was told', () => {
      const rows = rowsOf(image.as(own)).filter(({ kind }) => kind === 'sleep')
      const started = new Map(table('processes', image.as(own)).rows.map((row) => [row.pid, row.started as string]))
      const sleepers = image.processes().filter(({ cmdline }) => /(^|\/)sleep$/.test(cmdline[0] ?? ''))
      const containers = table('containers', image.as(own)).rows.filter(({ state }) => state === 'paused')
      const paused = new Set(containers.map(({ id }) => id))
      const inside = table('processes', image.as(own)).rows.filter(({ container }) => paused.has(container))
      const frozen = new Set(inside.map(({ pid }) => pid))
      let held = 0
      for (const { pid, cmdline } of sleepers) {
        const seconds = Number(cmdline[1])
        if (!Number.isInteger(seconds)) continue
        const row = rows.find((row) => row.pid === pid)
        // In a container that is paused nobody sleeps: its timer is set anew when it goes on.
        if (row === undefined && frozen.has(pid)) continue
        const until = Date.parse(row?.expires ?? '') - Date.parse(started.get(pid) ?? '')
        // In a container it starts to sleep after runc has made one.
        expect(until / 1000 - seconds, `${pid}`).toBeGreaterThan(-0.1)
        expect(until / 1000 - seconds, `${pid}`).toBeLessThan(20)
        held++
      }
      expect(held).toBeGreaterThan(2)
    })
  })
}
