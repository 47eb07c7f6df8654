/** The tree of processes against the parents that /proc recorded, and where memory claims a circle. */

import { describe, expect, it } from 'vitest'
import { samples, sharedImages, type TruthImage, table } from './images.js'
import { patchedCopy, word } from './patched.js'

interface Row {
  pid: number
  ppid: number
  depth: number
  comm: string
  container: string | null
  entered: string | null
  entered_by: string | null
}

const rowsOf = (path: string) => table('process-tree', path).rows as unknown as Row[]

/** How a process came into its container, in the image that has it. */
function entryIn(image: TruthImage | undefined): (pid: number) => (string | null)[] | undefined {
  const rows = image === undefined ? [] : rowsOf(image.as(image.formats[0] ?? 'lime'))
  return (pid) => rows.filter((row) => row.pid === pid).map(({ entered, entered_by }) => [entered, entered_by])[0]
}

const SHIM = ['containerd-shim', 'conmon', 'crun', 'runc']

for (const image of [...samples(), ...sharedImages()]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has the rows of processes, each below its parent, from pid 1 and from pid 2', () => {
      const rows = rowsOf(image.as(own))
      const recorded = new Map(image.processes().map((process) => [process.pid, process.ppid]))
      expect(recorded.size).toBeGreaterThan(50)
      const ancestors: Row[] = []
      for (const row of rows) {
        ancestors.length = row.depth
        const [above] = ancestors.slice(-1)
        if (above !== undefined) expect(row.ppid).toBe(above.pid)
        if (recorded.has(row.pid)) expect(row.ppid).toBe(recorded.get(row.pid))
        ancestors.push(row)
      }
      expect(rows.filter(({ depth }) => depth === 0).map(({ pid }) => pid)).toEqual([1, 2])
      expect(rows.map(({ pid }) => pid).sort((left, right) => left - right)).toEqual(
        table('processes', image.as(own)).rows.map(({ pid }) => pid),
      )
    })
  })

  describe(`${image.title} and its containers`, () => {
    image.require()

    it('tells the branch of the first process of each from others, and the host from both', () => {
      const rows = rowsOf(image.as(own))
      const byPid = new Map(rows.map((row) => [row.pid, row]))
      const running = table('containers', image.as(own)).rows.filter(({ init_pid }) => init_pid !== null)
      expect(running.length).toBeGreaterThan(0)
      for (const { init_pid } of running) expect(byPid.get(init_pid as number)?.entered).toBe('start')
      const first = new Set(running.map(({ init_pid }) => init_pid))
      for (const row of rows) {
        if (row.container === null) expect([row.entered, row.entered_by]).toEqual([null, null])
        const above = byPid.get(row.ppid)
        if (row.container === null || first.has(row.pid)) continue
        // What has its parent in the container is on the parent's branch; nothing else is there from the start.
        if (above?.container === row.container) expect(row.entered).toBe(above.entered)
        else expect(row.entered).not.toBe('start')
        if (row.entered === 'exec' && above?.container !== row.container) expect(SHIM).toContain(row.entered_by)
      }
    })
  })

  describe(`${image.title} with a process that is its own grandparent`, () => {
    image.require()
    let circle: number[] = []
    const copy = patchedCopy(image, (kernel, path) => {
      const rows = rowsOf(path)
      const at = rows.findIndex((row, index) => row.depth === 1 && rows[index + 1]?.depth === 2 && row.ppid === 1)
      const [parent, child] = rows.slice(at)
      circle = [parent?.pid ?? 0, child?.pid ?? 0]
      const [above, below] = circle.map((pid) =>
        BigInt(table('processes', path, '--pid', `${pid}`).rows[0]?.address as string),
      )
      const link = word(kernel, above ?? 0n, 'struct task_struct', 'real_parent')
      return [[link.at, link.value, below ?? 0n]]
    })

    it('shows it once, after all others', () => {
      const rows = rowsOf(copy.path)
      const roots = rows.filter(({ depth }) => depth === 0).map(({ pid }) => pid)
      expect(roots).toEqual([1, 2, Math.min(...circle)])
      expect(new Set(rows.map(({ pid }) => pid)).size).toBe(rows.length)
      expect(rows.length).toBe(rowsOf(image.as(own)).length)
    })
  })
}

/** What the notes of the Docker guest say was brought into containers with pid namespaces of their own. */
for (const image of [samples()[0], sharedImages()[0]]) {
  describe(`${image?.title} with sessions in containers`, () => {
    image?.require()

    it('has each on a branch of its own', () => {
      const entry = entryIn(image)
      const planted = image?.truth<{ name: string; pids?: number[] }[]>('planted.json') ?? []
      const pids = ['memfd', 'rwx-mapping', 'tcp-container-container', 'tcp-container-host', 'reverse-shell'].flatMap(
        (name) => planted.find((trace) => trace.name === name)?.pids ?? [],
      )
      expect(pids).toHaveLength(5)
      for (const pid of pids) expect([pid, entry(pid)]).toEqual([pid, ['exec', 'containerd-shim']])
      // The shell that docker exec -it brought, the one at a terminal; what the reverse shell started is on its branch.
      expect(entry(1855)).toEqual(['exec', 'containerd-shim'])
      expect(entry(1738)).toEqual(['exec', 'containerd-shim'])
      // Workers of nginx, and what the first process of corp-batch started, are no sessions.
      for (const pid of [863, 915, 916, 1050, 1083]) expect([pid, entry(pid)?.[0]]).toEqual([pid, 'start'])
    })

    it('says of nobody how they came into a container that shares the pid namespace of the host', () => {
      const entry = entryIn(image)
      expect(entry(1126)).toEqual(['start', 'containerd-shim'])
      for (const pid of [1749, 1761, 1786]) expect([pid, entry(pid)]).toEqual([pid, [null, null]])
    })
  })
}

const [, kubernetes] = sharedImages()

describe(`${kubernetes?.title} with sessions in a pod that shares the pid namespace of the host`, () => {
  kubernetes?.require()

  it('knows those of kubectl exec -it by their terminals, and the first process by its place', () => {
    const entry = entryIn(kubernetes)
    const planted = kubernetes?.truth<{ name: string; pids?: number[] }[]>('planted.json') ?? []
    const below = ['deleted-exe-miner', 'memfd-exec', 'nsenter-host-sleep'].flatMap(
      (name) => planted.find((trace) => trace.name === name)?.pids ?? [],
    )
    expect(below).toHaveLength(3)
    // The two shells, and what was started from them, also after nsenter.
    for (const pid of [2050, 2153, ...below]) expect([pid, entry(pid)]).toEqual([pid, ['exec', 'containerd-shim']])
    expect(entry(1435)).toEqual(['start', 'containerd-shim'])
  })
})
