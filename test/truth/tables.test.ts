/** Whole tables against what the guests themselves recorded, in every format of their memory. */

import { describe, expect, it } from 'vitest'
import type { Format } from './formats.js'
import {
  armSamples,
  samples,
  sharedImages,
  type Table,
  type TruthProcess,
  type TruthTask,
  table,
  text,
} from './images.js'

/** /proc gives a worker's name with what it works on; `comm` alone is what the task holds. */
function commOf(task: TruthTask, row: Record<string, unknown>): string {
  return task.kthread && task.comm.startsWith(`${row.comm}`) ? `${row.comm}` : task.comm
}

function identity(task: TruthTask, row: Record<string, unknown>): Record<string, unknown> {
  return {
    pid: task.tgid,
    ppid: task.ppid,
    comm: commOf(task, row),
    uid: task.uids[0],
    euid: task.uids[1],
    gid: task.gids[0],
    egid: task.gids[1],
    kernel_thread: task.kthread,
    pid_in_ns: task.nspid.at(-1),
    pid_ns: task.ns.pid,
    mnt_ns: task.ns.mnt,
    net_ns: task.ns.net,
    uts_ns: task.ns.uts,
    ipc_ns: task.ns.ipc,
    user_ns: task.ns.user,
    cgroup_ns: task.ns.cgroup,
    time_ns: task.ns.time,
    cgroup: cgroupOf(task, row),
    container: containerOf(task),
  }
}

/** By the scope of an engine, or the folder that bare containerd makes below that of its namespace. */
function containerOf({ cgroup }: TruthTask): string | null {
  const scope = cgroup.join().match(/(?:docker|cri-containerd|libpod)-([0-9a-f]{64})\.scope/)?.[1]
  return scope ?? cgroup.join().match(/^0::\/(?:default|lab)\/([\w-]+)$/)?.[1] ?? null
}

/** On cgroup v1 a task has a path in each hierarchy, of which the table shows one. */
function cgroupOf({ cgroup }: TruthTask, row: Record<string, unknown>): string | undefined {
  const paths = cgroup.map((line) => line.split(':').slice(2).join(':'))
  return paths.find((path) => path === row.cgroup) ?? paths.at(-1)
}

/** Hierarchy and path of a cgroup by where it is mounted below /sys/fs/cgroup. */
function mountedAt(path: string, unified: boolean): string | null {
  const below = path.slice('/sys/fs/cgroup'.length)
  if (unified) return `unified ${below || '/'}`
  const [, mount, ...names] = below.split('/')
  if (mount === undefined) return null
  return `${mount === 'systemd' ? 'name=systemd' : mount} /${names.join('/')}`
}

function pick(row: Record<string, unknown>, like: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.keys(like).map((name) => [name, row[name]]))
}

for (const image of [...samples(), ...armSamples(), ...sharedImages()]) {
  const [own] = image.formats
  const results = new Map<string, Table>()
  const read = (analyzer: string, format: Format = own ?? 'lime'): Table => {
    const key = `${analyzer} ${format}`
    const known = results.get(key) ?? table(analyzer, image.as(format))
    results.set(key, known)
    return known
  }
  const rowOf = (rows: Record<string, unknown>[], key: string, value: unknown): Record<string, unknown> => {
    const found = rows.filter((row) => row[key] === value)
    expect(found, `${key} ${value}`).toHaveLength(1)
    return found[0] ?? {}
  }

  describe(image.title, () => {
    image.require()

    it('lists every process that was there at the stop, and none else', () => {
      const pids = read('processes').rows.map(({ pid }) => pid as number)
      const truth = image.processes().map(({ pid }) => pid)
      const { gone, came } = image.moved
      const collectors = image.truth<TruthProcess[]>('processes.json').filter(({ collector }) => collector)
      const mayBe = new Set([...truth, ...gone, ...came, ...collectors.map(({ pid }) => pid)])
      expect(pids).toEqual([...pids].sort((left, right) => left - right))
      expect(truth.filter((pid) => !pids.includes(pid))).toEqual([])
      expect(pids.filter((pid) => !mayBe.has(pid))).toEqual([])
    })

    it('gives every process the identity that /proc gave', () => {
      const { rows } = read('processes')
      const boot = Date.parse(read('info').rows[0]?.boot_time as string)
      for (const process of image.processes()) {
        const row = rowOf(rows, 'pid', process.pid)
        const expected = {
          ...identity(process, row),
          threads: process.num_threads,
          args: process.cmdline,
          exe: process.exe,
        }
        expect(pick(row, expected), `pid ${process.pid}`).toEqual(expected)
        // /proc counts in ticks of 10 ms since boot, and rounds the boot down to a second.
        const sinceBoot = (Date.parse(row.started as string) - boot) / 1000
        expect(Math.abs(sinceBoot - process.starttime_ticks / 100), `pid ${process.pid}`).toBeLessThan(0.012)
        expect(row.found_by).toEqual(['task list', 'pid IDR', 'thread list'])
      }
    })

    it('gives the state letters that /proc gave, but for who ran at the record', () => {
      const { rows } = read('processes')
      const differing = image.processes().filter(({ pid, state }) => rowOf(rows, 'pid', pid).state !== state)
      // A kernel worker that was idle may be asleep in another way a moment later, and back.
      expect(differing.filter(({ state, kthread }) => state !== 'R' && !kthread)).toEqual([])
      expect(differing.length).toBeLessThanOrEqual(3)
    })

    it('lists the very threads that another tool found, and their addresses', ({ skip }) => {
      skip(!image.has('oracle.json'), 'no other tool read the image that this sample is of')
      const { rows } = read('threads')
      const oracle = image.oracle().tasks
      expect(rows.map(({ tid }) => tid).sort()).toEqual(oracle.map(({ pid }) => pid).sort())
      for (const task of oracle) {
        const row = rowOf(rows, 'tid', task.pid)
        expect(BigInt(row.address as string)).toBe(BigInt(task.addr))
        expect(row.pid).toBe(task.tgid)
        expect(row.comm).toBe(task.comm)
      }
    })

    it('gives every thread the identity that /proc gave', () => {
      const { rows } = read('threads')
      for (const process of image.processes()) {
        for (const thread of process.threads) {
          const row = rows.find(({ tid }) => tid === thread.tid)
          // Runtimes start and end threads at any moment.
          if (!row) continue
          const expected = identity(thread, row)
          expect(pick(row, expected), `thread ${thread.tid}`).toEqual(expected)
        }
      }
    })

    it('lists every namespace with its processes', () => {
      const truth = image.truth<Record<string, { type: string; pids: number[] }>>('namespaces.json')
      const there = new Set(read('processes').rows.map(({ pid }) => pid))
      const expected = Object.entries(truth)
        .map(([inode, { type, pids }]) => ({ type, inode: Number(inode), pids: pids.filter((pid) => there.has(pid)) }))
        .filter(({ pids }) => pids.length > 0)
      const { rows } = read('namespaces')
      expect(rows.map(({ type, inode }) => `${type} ${inode}`).sort()).toEqual(
        expected.map(({ type, inode }) => `${type} ${inode}`).sort(),
      )
      for (const { inode, pids } of expected) {
        const row = rowOf(rows, 'inode', inode)
        expect(row.owner_pid).toBe(Math.min(...pids))
        const came = image.moved.came.filter((pid) => there.has(pid)).length
        expect(row.processes as number).toBeGreaterThanOrEqual(pids.length)
        expect(row.processes as number).toBeLessThanOrEqual(pids.length + came)
      }
    })

    it('lists every cgroup with its processes', () => {
      const truth = image.truth<Record<string, { procs: number[] }>>('cgroups.json')
      const there = new Set(read('processes').rows.map(({ pid }) => pid))
      const unified = !Object.hasOwn(truth, '/sys/fs/cgroup/unified')
      const { rows } = read('cgroups')
      const found = new Map(rows.map(({ hierarchy, path, processes }) => [`${hierarchy} ${path}`, processes as number]))
      expect(found.size).toBe(rows.length)
      // Who came after the cgroups were recorded is in one cgroup of each hierarchy, and who knows in which.
      const recorded = new Set(Object.values(truth).flatMap(({ procs }) => procs))
      const came = [...there].filter((pid) => !recorded.has(pid as number)).length
      expect(came).toBeLessThanOrEqual(3)
      for (const [mounted, { procs }] of Object.entries(truth)) {
        const key = mountedAt(mounted, unified)
        if (key === null) continue
        const members = procs.filter((pid) => there.has(pid)).length
        const ended = procs.length > 0 && members === 0
        const count = found.get(key)
        found.delete(key)
        // systemd soon removes the cgroup of a service whose last process ended.
        if (count === undefined && ended) continue
        expect(count, key).toBeGreaterThanOrEqual(members)
        expect(count, key).toBeLessThanOrEqual(members + came)
      }
      expect([...found.keys()]).toEqual([])
    })

    it('knows the kernel', () => {
      const host = image.truth<{
        version: string
        uname: string[]
        hostname: string
        btime: number
        la57: boolean
        process_walk?: [number, number]
      }>('host.json')
      const [row] = read('info').rows
      expect(row).toMatchObject({
        format: own,
        architecture: host.uname[4],
        page_levels: host.la57 ? 5 : 4,
        page_size: 4096,
        banner: host.version,
        release: host.uname[2],
        hostname: host.hostname,
        cpus: 2,
        types_from: 'btf',
      })
      if (image.has('oracle.json')) {
        expect(row?.build_id).toBe(image.oracle().vmcoreinfo.match(/^BUILD-ID=([0-9a-f]+)$/m)?.[1])
      }
      expect(Math.abs(Date.parse(row?.boot_time as string) / 1000 - host.btime)).toBeLessThan(1.5)
      // The guest was stopped soon after its processes had been walked; samples do not say when that was.
      const after = Date.parse(row?.taken as string) / 1000 - (host.process_walk?.[1] ?? host.btime)
      expect(after).toBeGreaterThan(-1)
      expect(after).toBeLessThan(host.process_walk === undefined ? 7200 : 600)
      const text = image.text('raw/proc-kallsyms.txt').match(/^([0-9a-f]{16}) T _text$/m)?.[1]
      expect(row?.kernel_virtual).toBe(`0x${text}`)
      const code = image.text('raw/proc-iomem.txt').match(/([0-9a-f]+)-[0-9a-f]+ : Kernel code/)?.[1]
      expect(row?.kernel_physical).toBe(`0x${code?.replace(/^0+/, '')}`)
    })

    it.each(['processes', 'threads', 'namespaces', 'cgroups', 'containers'])(
      'gives the same %s from every format',
      (name) => {
        const { rows } = read(name)
        expect(rows.length).toBeGreaterThan(0)
        for (const format of image.formats) expect(read(name, format).rows, format).toEqual(rows)
      },
      // The first writes the image in each format.
      180_000,
    )

    it('gives the same bytes with symbols of its own and with cached ones', () => {
      for (const name of ['info', 'processes', 'containers']) {
        const cold = text(name, image.as(own ?? 'lime'), '--no-cache')
        expect(text(name, image.as(own ?? 'lime')), name).toBe(cold)
      }
    })

    it('finds no live task that no list knows', () => {
      const { rows } = read('process-scan')
      const known = read('threads').rows
      const live = rows.filter(({ status }) => status === 'live')
      expect(live.filter(({ found_by }) => (found_by as string[]).length === 0)).toEqual([])
      expect(
        live
          .filter(({ tid }) => tid !== 0)
          .map(({ tid }) => tid)
          .sort(),
      ).toEqual(known.map(({ tid }) => tid).sort())
      expect(live.filter(({ tid }) => tid === 0)).toHaveLength(2)
    })
  })
}
