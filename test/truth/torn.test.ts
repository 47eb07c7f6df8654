/**
 * Memory that was taken while the host went on, held against what ran just before and just after: what was there both
 * times is there, once, with every cell right or null with a warning; and nothing is there that never was.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { salvor } from '../hostile/salvor.js'

interface Thread {
  tid: number
  pid: number
  comm: string
  ppid: number
  /** Clock ticks since boot. */
  start: number
  kthread: boolean
  uids: number[]
  gids: number[]
  nspid: number[]
  ns: Record<string, number>
  cgroup: string[]
}

interface Moment {
  tasks: Thread[]
  containers: { ID: string; Names: string; Image: string; State: string }[]
}

interface Row {
  [column: string]: unknown
  pid: number
  tid: number
  comm: string | null
  started: string | null
  status?: string
  found_by: string[]
}

const TICKS_PER_SECOND = 100
const NAMESPACES = ['pid', 'mnt', 'net', 'uts', 'ipc', 'user', 'cgroup', 'time']

/** What a table has of a thread, by column. */
function cellsOf(thread: Thread): Record<string, unknown> {
  return {
    pid: thread.pid,
    ppid: thread.ppid,
    uid: thread.uids[0],
    gid: thread.gids[0],
    euid: thread.uids[1],
    egid: thread.gids[1],
    kernel_thread: thread.kthread,
    pid_in_ns: thread.nspid.at(-1),
    ...Object.fromEntries(NAMESPACES.map((type) => [`${type}_ns`, thread.ns[type]])),
    // /proc shows more of a worker's name than comm holds.
    ...(thread.kthread ? {} : { comm: thread.comm }),
    cgroup: thread.cgroup.at(-1),
  }
}

for (const name of ['docker-debian13-live', 'docker-debian12-mixed']) {
  describe(`the torn sample ${name}`, () => {
    const packed = readFileSync(join(import.meta.dirname, '..', 'samples', name, 'shots.json.gz'))
    const { before, after } = JSON.parse(gunzipSync(packed).toString()) as Record<'before' | 'after', Moment>
    const later = new Map(after.tasks.map((thread) => [thread.tid, thread]))
    const stayed = before.tasks.filter(({ tid, start }) => later.get(tid)?.start === start)
    const known = new Map([...before.tasks, ...after.tasks].map((thread) => [thread.tid, thread]))
    const seconds = (row: Row) => Date.parse(row.started ?? '') / 1000

    async function read(table: string) {
      const run = await salvor([table, sampleImage(name), '--format', 'json'])
      expect(run.code, run.lines.join('\n')).toBe(5)
      const { rows, warnings } = JSON.parse(run.stdout) as {
        rows: Row[]
        warnings: { code: string; column?: string }[]
      }
      return { rows, warnings, lines: run.lines }
    }

    /** What the kernel calls boot, in seconds since 1970, as most rows have it. */
    function bootOf(rows: Map<number, Row>): number {
      const times = stayed.flatMap(({ tid, start }) => {
        const row = rows.get(tid)
        return row === undefined ? [] : [seconds(row) - start / TICKS_PER_SECOND]
      })
      return times.sort((left, right) => left - right)[times.length >> 1] ?? 0
    }

    it.each(['processes', 'threads', 'process-scan'])(
      '%s: all that stayed, each cell right, and nothing else',
      async (table) => {
        const key = table === 'processes' ? 'pid' : 'tid'
        const { rows, warnings } = await read(table)
        const live = rows.filter(({ status, comm }) => (status ?? 'live') === 'live' && !comm?.startsWith('swapper/'))
        const byId = new Map(live.map((row) => [row[key], row]))
        expect(byId.size).toBe(live.length)

        const told = new Set(warnings.map(({ column }) => column))
        const wrong: unknown[] = []
        let cells = 0
        for (const thread of stayed.filter(({ tid, pid }) => key === 'tid' || tid === pid)) {
          const row = byId.get(thread.tid)
          const [was, is] = [cellsOf(thread), cellsOf(later.get(thread.tid) ?? thread)]
          if (row === undefined) wrong.push(['missing', thread])
          for (const [column, value] of Object.entries(was)) {
            if (value === undefined || value !== is[column]) continue
            cells++
            const got = row?.[column]
            if (got !== value && !(got === null && told.has(column))) wrong.push([thread.tid, column, got, value])
          }
        }
        expect(wrong).toEqual([])
        expect(cells).toBeGreaterThan(1000)

        // What neither moment knows was started between them.
        const boot = bootOf(byId)
        const latest = (moment: Moment) => Math.max(...moment.tasks.map(({ start }) => start)) / TICKS_PER_SECOND + boot
        for (const row of live.filter((one) => !known.has(one[key]))) {
          expect(seconds(row)).toBeGreaterThan(latest(before) - 5)
          expect(seconds(row)).toBeLessThan(latest(after) + 1)
          expect(row.comm).toMatch(/^[\x20-\x7e]+$/)
        }
      },
    )

    it('no task is said to be hidden: the lists that lack some are torn', async () => {
      const { rows } = await read('process-scan')
      expect(rows.filter(({ unlisted }) => unlisted === 'hidden')).toEqual([])
      expect(rows.filter(({ status, found_by }) => status === 'live' && found_by.length === 0)).toEqual([])
      for (const row of rows.filter(({ unlisted }) => unlisted === 'torn list')) expect(row.status).toBe('doubtful')
    })

    it('namespaces: those that stayed, and none that no task was ever in', async () => {
      const { rows } = await read('namespaces')
      const found = new Set(rows.map(({ type, inode }) => `${type} ${inode}`))
      const of = (threads: Iterable<Thread>) =>
        new Set([...threads].flatMap(({ ns }) => Object.entries(ns).map(([type, inode]) => `${type} ${inode}`)))
      expect([...of(stayed)].filter((one) => !found.has(one))).toEqual([])
      // A network namespace may be there before anybody is in it.
      const ever = of(known.values())
      expect([...found].filter((one) => !ever.has(one) && !one.startsWith('net '))).toEqual([])
    })

    it('containers: those that stayed, each with its name and image', async () => {
      const { rows } = await read('containers')
      const running = before.containers.filter(({ ID, State }) =>
        after.containers.some((other) => other.ID === ID && other.State === State && /running|paused/.test(State)),
      )
      expect(running.length).toBeGreaterThan(0)
      const found = running
        .map(({ ID }) => rows.find(({ id }) => id === ID))
        .map((row) => [row?.id, row?.name, row?.image])
      expect(found).toEqual(running.map(({ ID, Names, Image }) => [ID, Names, Image]))
    })

    it('says once how torn it is, and in one line what each table lacks', async () => {
      const { lines, warnings } = await read('processes')
      expect(lines).toHaveLength(2)
      expect(lines[0]).toMatch(/^warning: processes: \d+ links and values are torn or could not be read/)
      expect(lines[1]).toMatch(
        /^warning: the image is torn, .*: \d+ of \d+ links between tasks contradict each other \(/,
      )
      expect(warnings.length).toBeGreaterThan(1)
      const info = await salvor(['info', sampleImage(name), '--format', 'json'])
      const [facts] = (JSON.parse(info.stdout) as { rows: { torn: boolean; links: { contradict: number }[] }[] }).rows
      expect(facts?.torn).toBe(true)
      expect(facts?.links.some(({ contradict }) => contradict > 0)).toBe(true)
    })
  })
}
