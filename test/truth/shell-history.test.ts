/** Typed commands against what the guests' typists typed, and what their shells then had run. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { samples, sharedImages, type TruthImage, type TruthProcess, table } from './images.js'

interface Planted {
  name: string
  pids: number[]
  container?: string
  typed?: string | string[]
}

interface Typed {
  pid: number
  container: string | null
  /** With the seconds at which each was sent, where the typist kept them. */
  commands: { command: string; sent?: number }[]
}

/** Which shell a typist typed to: its child, or with `docker exec` and `ssh` one that somebody else started. */
const SHELLS: Record<string, (process: TruthProcess, pids: readonly number[]) => boolean> = {
  'history-host': ({ ppid }, pids) => pids.includes(ppid),
  'ssh-session': ({ cmdline }) => cmdline[0] === '-bash',
  'exec-it': ({ cmdline }) => cmdline.length === 1 && cmdline[0] === 'bash',
}

/** Two sessions of one image were typed by kubectl; the second goes on in another shell after its nsenter. */
function sessions(image: TruthImage, planted: readonly Planted[]): Typed[] {
  const parents = new Map(image.processes().map(({ pid, ppid }) => [pid, ppid]))
  const parentOf = (name: string) => parents.get(planted.find((one) => one.name === name)?.pids[0] ?? 0) ?? 0
  const commands = (name: string) =>
    image
      .text(`sessions/${name}.typed`)
      .trimEnd()
      .split('\n')
      .map((line) => ({ sent: Number(line.slice(0, line.indexOf('\t'))), command: line.slice(line.indexOf('\t') + 1) }))
  const host = commands('session-host')
  const entered = host.findIndex(({ command }) => command.startsWith('nsenter')) + 1
  const inner = parentOf('nsenter-host-sleep')
  const outer = parents.get(parents.get(inner) ?? 0) ?? 0
  const container = 'toolbox'
  return [
    { pid: parentOf('deleted-exe-miner'), container, commands: commands('session-pod') },
    { pid: outer, container, commands: host.slice(0, entered) },
    { pid: inner, container, commands: host.slice(entered) },
  ]
}

function typedIn(image: TruthImage): Typed[] {
  const planted = image.truth<Planted[]>('planted.json')
  if (existsSync(join(image.folder, 'truth', 'sessions'))) return sessions(image, planted)
  return planted.flatMap(({ name, pids, container = null, typed }) => {
    if (typeof typed !== 'string') return []
    const shell = image.processes().find((one) => one.comm === 'bash' && SHELLS[name]?.(one, pids))
    expect(shell, name).toBeDefined()
    return [{ pid: shell?.pid ?? 0, container, commands: typed.split(';').map((command) => ({ command })) }]
  })
}

const sampled = samples().filter((image) => image.has('planted.json'))

for (const image of [...sampled, ...sharedImages()]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has what was typed in each shell, in its order, and nothing else', () => {
      const { rows, warnings } = table('shell-history', image.as(own))
      expect(warnings).toEqual([])
      const wanted = typedIn(image).flatMap(({ pid, container, commands }) =>
        commands.map(({ command }) => ({ pid, container_name: container, command })),
      )
      expect(wanted.length).toBeGreaterThan(8)
      const found = rows.map(({ pid, container_name, command }) => ({ pid, container_name, command }))
      const byPid = (left: { pid: unknown }, right: { pid: unknown }) => Number(left.pid) - Number(right.pid)
      expect(found).toEqual(wanted.sort(byPid))
    })

    it('says when', () => {
      const { rows } = table('shell-history', image.as(own))
      const { btime } = image.truth<{ btime: number }>('host.json')
      for (const { pid, commands } of typedIn(image)) {
        const times = rows.filter((row) => row.pid === pid).map(({ time }) => Date.parse(time as string) / 1000)
        expect(times).toEqual([...times].sort((left, right) => left - right))
        for (const [index, { sent }] of commands.entries()) {
          expect(times[index]).toBeGreaterThan(btime)
          if (sent !== undefined) expect(Math.abs((times[index] ?? 0) - sent)).toBeLessThan(4)
        }
      }
    })

    it('has where shells found what was typed', () => {
      const { rows, warnings } = table('shell-hash', image.as(own))
      expect(warnings).toEqual([])
      let called = 0
      for (const { pid, commands } of typedIn(image)) {
        const hashed = rows.filter((row) => row.pid === pid)
        const words = commands.flatMap(({ command }) => command.split(/[^A-Za-z0-9_.-]+/))
        called += hashed.filter(({ name }) => words.includes(name as string)).length
        for (const { name, path } of hashed) expect(path).toBe(`/usr/bin/${name}`)
      }
      expect(called).toBeGreaterThan(3)
    })
  })
}
