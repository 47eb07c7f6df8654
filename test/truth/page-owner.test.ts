/** What pages are and who pays for them, against what the guests, and a debugger on the same memory, said of it. */

import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { cacheHome, SALVOR, sharedImage, sharedImages, type TruthImage, table } from './images.js'

type Row = Record<string, unknown>

interface Mapped {
  pid: number
  maps: string[]
}

const PAGE = 4096

/** The address of a symbol as the guest had it. */
function symbol(image: TruthImage, name: string): string {
  const found = new RegExp(`^([0-9a-f]{16}) \\w ${name}$`, 'm').exec(image.text('raw/proc-kallsyms.txt'))
  return `0x${found?.[1]}`
}

function ownerOf(image: TruthImage, ...options: string[]): Row[] {
  return table('page-owner', image.as('elf'), ...options).rows
}

function virtual(image: TruthImage, ...addresses: string[]): Row[] {
  return ownerOf(image, ...addresses.flatMap((address) => ['--virtual', address]))
}

/** A line of the guest's meminfo, in bytes. */
function meminfo(image: TruthImage, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(image.text('raw/proc-meminfo.txt'))
  return Number(found?.[1]) * 1024
}

function sum(rows: readonly Row[]): number {
  return rows.reduce((total, { bytes }) => total + Number(bytes), 0)
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('knows every task as an object of its cache, and the first as part of the kernel', () => {
      const tasks = image.oracle().tasks.map(({ addr }) => `0x${BigInt(addr).toString(16)}`)
      const rows = virtual(image, ...tasks)
      expect(rows.length).toBeGreaterThan(150)
      for (const [number, row] of rows.entries()) {
        expect(row).toMatchObject({ kind: 'slab', what: 'task_struct', address: tasks[number], offset: 0 })
      }
      const [first] = virtual(image, symbol(image, 'init_task'))
      expect(first).toMatchObject({ kind: 'kernel image', what: 'init_task', container: null })
    })

    it("tells the kernel's text and modules by their symbols", () => {
      const text = BigInt(symbol(image, 'do_sys_open')) + 5n
      expect(virtual(image, `0x${text.toString(16)}`)).toMatchObject([
        { kind: 'kernel image', what: 'do_sys_open+0x5' },
      ])
      const modules = [...image.text('raw/proc-modules.txt').matchAll(/^(\S+) .* (0x[0-9a-f]{16})/gm)]
      const rows = virtual(image, ...modules.map(([, , base]) => base as string))
      expect(rows.length).toBeGreaterThan(20)
      for (const [number, { kind, what }] of rows.entries()) {
        expect([kind, String(what).endsWith(`[${modules[number]?.[1]}]`)], String(what)).toEqual(['module', true])
      }
    })

    it("finds a process's memory where the process has it", () => {
      const processes = image
        .parts<Mapped>('maps.json')
        .filter(({ maps }) => maps?.some((line) => line.endsWith('[stack]')))
      expect(processes.length).toBeGreaterThan(30)
      for (const { pid, maps } of processes.slice(0, 3)) {
        const end = /-([0-9a-f]+) .*\[stack\]$/m.exec(maps.join('\n'))?.[1]
        // The highest page of a stack has what execve() put there.
        const address = `0x${(BigInt(`0x${end}`) - 0x10n).toString(16)}`
        const rows = ownerOf(image, '--process', String(pid), '--virtual', address)
        expect(rows, `pid ${pid}`).toMatchObject([
          { kind: 'anonymous', pid, address, processes: [`${pid}@${address}`] },
        ])
      }
    })

    it('adds up to what the guest said of its memory', () => {
      const { rows, warnings } = table('memory-by-owner', image.as('elf'))
      expect(warnings).toEqual([])
      const total = (...kinds: string[]) => sum(rows.filter(({ kind }) => kinds.includes(String(kind))))
      const near = (found: number, told: number, share: number) => {
        expect(Math.abs(found - told) / told).toBeLessThan(share)
      }
      near(total('slab'), meminfo(image, 'Slab'), 0.12)
      near(total('kernel stack'), meminfo(image, 'KernelStack'), 0.05)
      near(total('page cache'), meminfo(image, 'Cached') + meminfo(image, 'Buffers'), 0.05)
      near(total('anonymous'), meminfo(image, 'AnonPages'), 0.1)
      // More was free when the recorder and its processes had gone.
      expect(total('free')).toBeGreaterThan(meminfo(image, 'MemFree'))
      expect(total('other')).toBeLessThan(0.02 * sum(rows))
    })

    it('charges each cgroup with what its own count says', () => {
      const { rows } = table('memory-by-owner', image.as('elf'))
      const cgroups = Object.entries(image.truth<Record<string, Record<string, string>>>('cgroups.json'))
      const containers = cgroups.filter(([path, told]) => /[0-9a-f]{64}/.test(path) && told['memory.current'])
      expect(containers.length).toBeGreaterThan(8)
      for (const [path, { 'memory.current': current }] of containers) {
        const cgroup = path.replace('/sys/fs/cgroup', '')
        const found = sum(rows.filter((row) => row.cgroup === cgroup || String(row.cgroup).startsWith(`${cgroup}/`)))
        // Each processor keeps up to 64 pages for the next charges, and per-CPU memory has no page of its own.
        expect(Math.abs(found - Number(current)), cgroup).toBeLessThan(Math.max(0.06 * Number(current), 128 * PAGE))
      }
    })
  })
}

describe('planted traces', () => {
  const [image] = sharedImages() as [TruthImage]
  image.require()

  it('charges the memfd that a process of corp-batch runs from to corp-batch', () => {
    const planted = image.truth<{ name: string; pids?: number[] }[]>('planted.json')
    const pid = planted.find(({ name }) => name === 'memfd')?.pids?.[0]
    const rows = ownerOf(image, '--process', String(pid)).filter(({ what }) => what === '/memfd:cfg (deleted)')
    expect(rows.length).toBeGreaterThan(5)
    for (const row of rows) expect(row).toMatchObject({ kind: 'page cache', container_name: 'corp-batch', inode: 3 })
  })

  it('names the container that has exited by what it left in memory', () => {
    const { rows } = table('removed-containers', image.as('elf'))
    const [left] = rows.filter(({ container_name }) => container_name === 'corp-migrate')
    expect(left).toMatchObject({ anonymous: 0 })
    expect(left?.bytes).toBeGreaterThan(PAGE)
    expect(left?.files).toEqual(expect.arrayContaining([expect.stringMatching(/\/diff\/usr\/bin\/dash$/)]))
    expect(rows.filter(({ container }) => container !== null)).toEqual([left])
  })
})

describe('the shared image docker-debian12', () => {
  const image = sharedImage('docker-debian12')
  image.require()

  it.each([
    [['--physical', 'foo'], "'foo' is no address"],
    [['--process', '99999999'], 'there is no process 99999999'],
  ])('refuses %j in one line', (options, why) => {
    const { status, stderr } = spawnSync(process.execPath, [SALVOR, 'page-owner', image.as('elf'), ...options], {
      encoding: 'utf8',
      env: { ...process.env, XDG_CACHE_HOME: cacheHome() },
    })
    expect([status, stderr]).toEqual([2, expect.stringContaining(why)])
  })
})
