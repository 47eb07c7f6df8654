/** Single, aimed changes to the sample, each of which once would have, or could have, led a reader astray. */

import { afterAll, describe, expect, it } from 'vitest'
import { Edited, intact, kernel, member, removeImages, task, value } from './image.js'
import { salvor, type Table, table } from './salvor.js'

const TASK = 'struct task_struct'

afterAll(() => {
  removeImages()
  intact.close()
  expect(kernel.id).toBeGreaterThan(0)
})

const codes = ({ warnings }: Table): string[] => warnings.map(({ code }) => code)
const pids = ({ rows }: Table): unknown[] => rows.map(({ pid }) => pid)
const init = intact.address('init_task') ?? 0n
const node = (pid: number): bigint => member(pid === 0 ? init : task(pid), TASK, 'tasks')
// dockerd, and the first process of a container.
const dockerd = 325
const inContainer = 863

describe('the task list', () => {
  it.each([
    ['made a loop in its middle', () => new Edited().set(node(2), node(2))],
    ['led back to a task before', () => new Edited().set(node(dockerd), node(1))],
    ['led into user space', () => new Edited().set(node(2), 0x7fff_0000_1000n)],
    ['led into the middle of a task', () => new Edited().set(node(2), node(1) + 64n)],
    ['led into nothing', () => new Edited().set(node(2), 0xffff_8fff_ffff_f000n)],
  ])('%s: the other way round finds the rest, and it is said', async (_what, edit) => {
    const found = await table('processes', edit().file())
    expect(found.code).toBe(5)
    expect(codes(found)).toContain('torn')
    expect(pids(found)).toEqual(expect.arrayContaining([1, 2, dockerd, inContainer]))
  })

  it('emptied, and the pid IDR with it, is not an empty table that is complete', async () => {
    const idr = member(intact.address('init_pid_ns') ?? 0n, 'struct pid_namespace', 'idr.idr_rt.xa_head')
    const path = new Edited()
      .set(node(0), node(0))
      .set(node(0) + 8n, node(0))
      .set(idr, 0n)
      .file()
    for (const analyzer of ['processes', 'threads', 'containers', 'namespaces']) {
      const found = await table(analyzer, path)
      expect([analyzer, found.code, codes(found).includes('torn')]).toEqual([analyzer, 5, true])
    }
  })

  it('torn both ways is told even where other views know every task', async () => {
    const image = new Edited().set(node(2), 8n).set(node(2) + 8n, 8n)
    const found = await table('processes', image.file())
    expect(found.code).toBe(5)
    expect(pids(found)).toContain(dockerd)
  })
})

describe('memory of two moments', () => {
  const null_and_told = async (image: Edited, analyzer: string, column: string, pid: number) => {
    const found = await table(analyzer, image.file())
    expect(found.code).toBe(5)
    expect(found.warnings).toContainEqual(expect.objectContaining({ code: 'torn', column }))
    return found.rows.find((row) => row.pid === pid)
  }

  it('an executable whose inode is not that of its path has no path', async () => {
    const file = value(task(dockerd), TASK, 'mm->exe_file')
    const other = value(task(1), TASK, 'mm->exe_file->f_inode')
    const row = await null_and_told(
      new Edited().set(member(file, 'struct file', 'f_inode'), other),
      'processes',
      'exe',
      dockerd,
    )
    expect(row).toMatchObject({ comm: 'dockerd', exe: null })
  })

  it('an nsproxy in which one namespace is of another kind is believed in none', async () => {
    const proxy = value(task(inContainer), TASK, 'nsproxy')
    const uts = value(task(inContainer), TASK, 'nsproxy->uts_ns')
    const image = new Edited().set(member(proxy, 'struct nsproxy', 'ipc_ns'), uts)
    const row = await null_and_told(image, 'processes', 'net_ns', inContainer)
    expect(row).toMatchObject({ mnt_ns: null, net_ns: null, uts_ns: null, ipc_ns: null, cgroup_ns: null })
    expect(row?.user_ns).not.toBeNull()
  })

  it('a task whose struct pid bears another number is no row, and doubtful in the scan', async () => {
    const pid = value(task(dockerd), TASK, 'thread_pid')
    const path = new Edited().set32(member(pid, 'struct pid', 'numbers[0].nr'), 4711).file()
    const found = await table('processes', path)
    expect(found.code).toBe(5)
    expect(pids(found)).not.toContain(dockerd)
    expect(codes(found)).toContain('torn')
    const scanned = await table('process-scan', path)
    expect(scanned.rows.filter((row) => row.tid === dockerd)).toMatchObject([{ status: 'doubtful', comm: 'dockerd' }])
  })

  it('what cannot be read of a task that ended is a note, and no partial result', async () => {
    const whole = await table('process-scan', new Edited().file())
    const ended = whole.rows.find(({ status }) => status === 'exited')
    expect(ended).toBeDefined()
    const path = new Edited()
      .set(member(BigInt(ended?.address as string), TASK, 'real_cred'), 0xffff_8fff_ffff_f000n)
      .file()
    const found = await table('process-scan', path)
    expect(found.code).toBe(0)
    expect(found.rows.find(({ address }) => address === ended?.address)).toMatchObject({ uid: null })
    expect(found.warnings).toContainEqual(expect.objectContaining({ code: 'leftover', column: 'uid' }))
  })
})

describe('one task', () => {
  it('in 2^31 pid namespaces', async () => {
    const at = member(value(task(1), TASK, 'thread_pid'), 'struct pid', 'level')
    const found = await table('processes', new Edited().set32(at, 0x8000_0000).file())
    expect(found.code).toBe(5)
    expect(found.rows.find(({ pid }) => pid === 1)).toMatchObject({ comm: 'systemd', pid_in_ns: null })
  })

  it.each([
    ['2^47 bytes of arguments', 'arg_end', 0x7fff_ffff_ffffn],
    ['arguments that end before they start', 'arg_end', 1n],
    ['arguments at the end of the address space', 'arg_start', 0xffff_ffff_ffff_fff0n],
    ['page tables that are not there', 'pgd', 0x1234_5000n],
  ])('with %s', async (_what, path, to) => {
    const at = member(value(task(1), TASK, 'mm'), 'struct mm_struct', path)
    const found = await table('processes', new Edited().set(at, to).file())
    expect([0, 5]).toContain(found.code)
    expect(found.rows.find(({ pid }) => pid === 1)?.comm).toBe('systemd')
  })

  it('of whose arguments and environment zeros are left', async () => {
    const mm = value(task(dockerd), TASK, 'mm')
    const word = (path: string) => value(mm, 'struct mm_struct', path)
    const path = new Edited().wipe(word('pgd'), word('arg_start')).file()
    const processes = await table('processes', path)
    expect(codes(processes)).toContain('unreadable')
    expect(processes.rows.find(({ pid }) => pid === dockerd)).toMatchObject({ comm: 'dockerd', args: null })
    const environment = await table('environment', path)
    expect([environment.code, codes(environment)]).toEqual([5, expect.arrayContaining(['unreadable'])])
    expect(pids(environment)).not.toContain(dockerd)
    expect(pids(await table('environment', new Edited().file()))).toContain(dockerd)
  })

  it('whose name is an attack on whoever shows it', async () => {
    const image = new Edited()
    const names = [
      '\x1b]0;x\x07\x1b[2J',
      '=cmd|calc!A1\0',
      'a\nb\r\tc\0',
      '\u202egnp.exe\0',
      '</script>\0',
      '\ufeff\u2028x\0',
    ]
    const victims = [1, 2, dockerd, inContainer, 3, 4]
    for (const [index, name] of names.entries()) {
      image.set(member(task(victims[index] ?? 1), TASK, 'comm'), 0n)
      image.write(member(task(victims[index] ?? 1), TASK, 'comm'), name)
    }
    const path = image.file()
    const found = await table('processes', path)
    const shown = victims.map((victim) => found.rows.find(({ pid }) => pid === victim)?.comm)
    expect(shown).toEqual(names.map((name) => name.split('\0')[0]))
    for (const format of ['table', 'csv', 'ndjson']) {
      const run = await salvor(['processes', path, '--format', format])
      expect(run.code).toBe(0)
      if (format === 'csv') expect(run.stdout).not.toMatch(/(^|,)"?=cmd/m)
    }
  })
})

describe('cgroups', () => {
  const dfl = value(value(task(inContainer), TASK, 'cgroups'), 'struct css_set', 'dfl_cgrp')
  const children = member(dfl, 'struct cgroup', 'self.children')
  const sibling = member(dfl, 'struct cgroup', 'self.sibling')

  it.each([
    ['below itself', () => new Edited().set(children, sibling).set(sibling, children)],
    ['beside itself', () => new Edited().set(sibling, sibling)],
  ])('one %s', async (_what, edit) => {
    const found = await table('cgroups', edit().file())
    expect(found.code).toBe(5)
    expect(codes(found).some((code) => code === 'cycle' || code === 'torn')).toBe(true)
    expect(new Set(found.rows.map(({ address }) => address)).size).toBe(found.rows.length)
  })

  it('whose kernfs parents are a loop', async () => {
    const kn = value(dfl, 'struct cgroup', 'kn')
    const found = await table('cgroups', new Edited().set(member(kn, 'struct kernfs_node', 'parent'), kn).file())
    expect(found.code).toBe(5)
    expect(codes(found)).toContain('cycle')
  })

  it('whose css_set links are a loop without its head', async () => {
    const links = member(value(task(inContainer), TASK, 'cgroups'), 'struct css_set', 'cgrp_links')
    const image = new Edited()
    const first = image.u64(links)
    const found = await table('cgroups', image.set(first, first).file())
    expect(found.code).toBe(5)
  })
})

describe('trees', () => {
  it('an XArray node below itself', async () => {
    const idr = member(intact.address('init_pid_ns') ?? 0n, 'struct pid_namespace', 'idr.idr_rt.xa_head')
    const image = new Edited()
    const root = image.u64(idr) & ~3n
    const slots = member(root, 'struct xa_node', 'slots')
    for (let slot = 0n; slot < 64n; slot++) image.set(slots + slot * 8n, root | 2n)
    const found = await table('processes', image.file())
    expect(found.code).toBe(5)
    expect(pids(found)).toContain(dockerd)
  })

  it('mounts that are mounted on each other', async () => {
    const ns = value(task(inContainer), TASK, 'nsproxy->mnt_ns')
    const mounts = intact
      .at([ns], 'struct mnt_namespace')
      .walk({ kind: 'list', head: 'list', type: 'struct mount', link: 'mnt_list' })
      .select({})
    const image = new Edited()
    for (let row = 0; row < mounts.length; row++) {
      const above = mounts.address((row + 1) % mounts.length)
      image.set(member(mounts.address(row), 'struct mount', 'mnt_parent'), above)
      image.set(
        member(mounts.address(row), 'struct mount', 'mnt_mountpoint'),
        value(above, 'struct mount', 'mnt.mnt_root'),
      )
    }
    const found = await table('containers', image.file())
    expect(found.code).toBe(5)
    expect(codes(found)).toContain('cycle')
    expect(found.rows.length).toBeGreaterThan(0)
  })

  it('network devices and namespaces in loops', async () => {
    const net = value(task(1), TASK, 'nsproxy->net_ns')
    const [list, devices] = [member(net, 'struct net', 'list'), member(net, 'struct net', 'dev_base_head')]
    const image = new Edited()
    const first = image.u64(devices)
    image.set(first, first).set(list, list)
    const found = await table('containers', image.file())
    expect(found.code).toBe(5)
    expect(found.rows.length).toBeGreaterThan(0)
  })

  it('modules’ types in a loop', async () => {
    const head = intact.address('btf_modules') ?? 0n
    const image = new Edited()
    const first = image.u64(head)
    const run = await salvor(['run', 'info', 'processes', image.set(first, first).file(), '--format', 'json'])
    const [info, processes] = JSON.parse(run.stdout) as Table[]
    expect(info?.warnings).toContainEqual(expect.objectContaining({ code: 'torn' }))
    expect(processes?.rows.length).toBeGreaterThan(100)
    expect(run.code).toBe(5)
  })
})
