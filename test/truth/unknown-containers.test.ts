/** Containers of no engine that is known, on a copy in which the cgroup of one has a name that no engine gives. */

import { describe, expect, it } from 'vitest'
import { partialTable, samples, sharedImage, sharedImages, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

type Kernel = Parameters<typeof word>[0]

const image = sharedImage('docker-debian12')

interface Inspected {
  Id: string
  Name: string
  State: { Pid: number }
}

const CONTAINER = 'corp-batch'

/** `kernfs_name_hash(name, NULL)` (fs/kernfs/dir.c): the kernel makes it anew when it renames a node. */
function nameHash(name: string): bigint {
  const sum = Buffer.from(name).reduce((hash, byte) => (hash + BigInt(byte << 4) + BigInt(byte >> 4)) * 11n, 0n)
  return (BigInt.asUintN(64, sum * 0x61c8_8646_80b5_83ebn) >> 32n) & 0x7fff_ffffn
}

/** The half of a word at an address, in the word around it. */
function half(kernel: Kernel, at: bigint, value: bigint): Patch {
  const around = at & ~7n
  const { value: old } = word(kernel, around, 'unsigned long', '')
  const shift = (at - around) * 8n
  return [around, old, (old & ~(0xffff_ffffn << shift)) | (value << shift)]
}

describe(`${image.title}, with the cgroup of one container renamed`, () => {
  image.require()
  const told = () =>
    image.truth<Inspected[]>('raw/docker-inspect.json').find(({ Name }) => Name === `/${CONTAINER}`) as Inspected

  /** docker-… becomes hacker-… */
  const renamed = (kernel: Kernel, path: string): Patch[] => {
    const { rows } = table('cgroups', path)
    const address = rows.find((row) => row.path === `/system.slice/docker-${told().Id}.scope`)?.address as string
    const { value: name } = word(kernel, BigInt(address), 'struct cgroup', 'kn->name')
    const { value: text } = word(kernel, name, 'long', '')
    const other = Buffer.from('hacker-').reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n)
    const { at } = word(kernel, BigInt(address), 'struct cgroup', 'kn->hash')
    return [[name, text, (text & ~0xffffffffffffffn) | other], half(kernel, at, nameHash(`hacker-${told().Id}.scope`))]
  }
  /** Neither a state nor a shim says whose the first process is. */
  const orphaned = (kernel: Kernel, path: string): Patch[] => {
    const { rows } = table('processes', path)
    const taskOf = (pid: number) => BigInt(rows.find((row) => row.pid === pid)?.address as string)
    const { at, value } = word(kernel, taskOf(told().State.Pid), 'struct task_struct', 'real_parent')
    const state = `/run/docker/runtime-runc/moby/${told().Id}/state.json`
    const inode = table('files', path).rows.find((row) => row.path === state)?.address as string
    const pages = word(kernel, BigInt(inode), 'struct inode', 'i_data.i_pages.xa_head')
    return [
      [at, value, taskOf(1)],
      [pages.at, pages.value, 0n],
    ]
  }
  const known = patchedCopy(image, renamed)
  const unknown = patchedCopy(image, renamed, orphaned)

  const membersOf = (path: string, id: string) => table('processes', path).rows.filter((row) => row.container === id)

  it('is the container that its runtime started', () => {
    const { Id, State } = told()
    const row = table('containers', known.path).rows.find(({ id }) => id === Id)
    expect(row).toMatchObject({ name: CONTAINER, runtime: 'docker', state: 'running', init_pid: State.Pid })
    expect(row?.processes).toBeGreaterThanOrEqual(4)
    expect(membersOf(known.path, Id)).toHaveLength(row?.processes as number)
  })

  it('is one of no known engine where nothing says whose it is', () => {
    const { Id, State } = told()
    const id = `pidns-${image.processes().find(({ pid }) => pid === State.Pid)?.ns.pid}`
    // Its state is there, and unreadable.
    const { rows } = partialTable('containers', unknown.path)
    const row = rows.find((each) => each.id === id)
    expect(row).toMatchObject({
      ...{ kind: 'container', runtime: 'unknown', name: null, state: 'running', init_pid: State.Pid },
      ...{ hostname: 'batch', sources: { id: 'pid namespace', runtime: 'namespaces of its processes' } },
    })
    expect(row?.processes).toBeGreaterThanOrEqual(4)
    expect(membersOf(unknown.path, id)).toHaveLength(row?.processes as number)
    expect(table('cgroups', unknown.path).rows.filter(({ container }) => container === id)).toMatchObject([
      { path: `/system.slice/hacker-${Id}.scope`, processes: row?.processes },
    ])
    // What the engine declared is still told of the container that it knows.
    expect(rows.find((each) => each.id === Id)).toMatchObject({ name: CONTAINER, processes: 0 })
  })
})

for (const whole of [...samples(), ...sharedImages()])
  describe(whole.title, () => {
    whole.require()
    it('has no container of an unknown engine: services and sandboxes are none', () => {
      const { rows } = table('containers', whole.as(whole.formats[0] ?? 'elf'))
      expect(rows.length).toBeGreaterThan(5)
      expect(rows.filter(({ runtime }) => runtime === 'unknown')).toEqual([])
    })
  })
