/** Container files behind torn lists and beyond the page cache, in copies that the test itself damages. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { firstOf, hlist, list, text } from '../../dist/src/kernel/query.js'
import { salvor } from '../hostile/salvor.js'
import { sharedImages, type Table, type TruthImage, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

const DENTRY = 'struct dentry'
const TASK = 'struct task_struct'
const CHILDREN = firstOf(hlist('d_children', DENTRY, 'd_sib'), list('d_subdirs', DENTRY, 'd_child'))
const BUNDLES = ['containerd', 'io.containerd.runtime.v2.task']

/** A directory's entries by name, negative ones left out. */
function entries(kernel: Kernel, directory: bigint): Map<string, bigint> {
  const batch = kernel
    .at([directory], DENTRY)
    .walk(CHILDREN)
    .select({ name: text('d_name.name'), inode: 'd_inode' })
  return new Map([...batch.rows()].flatMap(({ name, inode, address }) => (name && inode ? [[name, address]] : [])))
}

/** The dentry at a path below one, on the same file system. */
function at(kernel: Kernel, start: bigint, names: readonly string[]): bigint {
  return names.reduce((directory, name) => {
    const found = entries(kernel, directory).get(name)
    if (found === undefined) throw new Error(`${name} is not cached`)
    return found
  }, start)
}

/** Root directory of a file system that pid 1 sees. */
function rootOf(kernel: Kernel, target: string): bigint {
  const task = kernel
    .symbol('init_task', TASK)
    .walk(list('tasks', TASK, 'tasks'))
    .select({ pid: 'pid' })
    .address(0)
  if (target === '/') return word(kernel, task, TASK, 'fs->root.dentry').value
  const mounts = firstOf(
    { kind: 'rbtree', root: 'mounts', type: 'struct mount', link: 'mnt_node' },
    list('list', 'struct mount', 'mnt_list'),
  )
  const found = kernel
    .at([word(kernel, task, TASK, 'nsproxy->mnt_ns').value], 'struct mnt_namespace')
    .walk(mounts)
    .select({ root: 'mnt.mnt_root', target: { path: 'mnt', as: 'd_path' } })
  for (const row of found.rows()) if (row.target === target) return BigInt(row.root ?? 0)
  throw new Error(`nothing is mounted on ${target}`)
}

/** Both ends of a directory's list of children lead to another dentry; an hlist has one. */
function tear(kernel: Kernel, directory: bigint, elsewhere: bigint): Patch[] {
  const ends = ['next', 'prev'].map((end) => word(kernel, directory, DENTRY, ['d_children.first', `d_subdirs.${end}`]))
  const places = new Map(ends.map(({ at: place, value }) => [place, value]))
  return [...places].map(([place, value]): Patch => [place, value, elsewhere + 64n])
}

async function containersOf(path: string): Promise<Table & { code: number | null }> {
  const { code, stdout } = await salvor(['containers', path, '--format', 'json', '--quiet'])
  return { ...(JSON.parse(stdout) as Table), code }
}

/** Rows without what tells where they were read. */
const plain = (rows: Record<string, unknown>[]) => rows.map(({ sources, evidence, ...rest }) => rest)

for (const image of sharedImages()) {
  describe(`${image.title} with torn directories`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel) => {
      const run = rootOf(kernel, '/run')
      const tasks = at(kernel, run, BUNDLES)
      const namespaces = [...entries(kernel, tasks).values()]
      // The directory of the bundles, and one of a bundle itself.
      return [...namespaces.flatMap((directory) => tear(kernel, directory, run)), ...tear(kernel, tasks, run)]
    })

    it('gives the same containers from the dentry hash table, and says that lists are torn', async () => {
      const [whole, torn] = [table('containers', image.as('raw')), await containersOf(copy.path)]
      expect(torn.rows).toEqual(whole.rows)
      expect(torn.code).toBe(5)
      expect(torn.warnings).toContainEqual(
        expect.objectContaining({ code: 'torn', message: expect.stringContaining('of struct dentry') }),
      )
    })
  })
}

function dockerImages(): TruthImage[] {
  return sharedImages().filter(({ name }) => name.startsWith('docker'))
}

for (const image of dockerImages()) {
  describe(`${image.title} whose Docker files have left memory`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel) => {
      const containers = at(kernel, rootOf(kernel, '/'), ['var', 'lib', 'docker', 'containers'])
      const files = [...entries(kernel, containers).values()].flatMap((directory) => {
        const inside = entries(kernel, directory)
        return ['config.v2.json', 'hostconfig.json'].flatMap((name) => inside.get(name) ?? [])
      })
      // A dentry without an inode says that there is no such file.
      return files.map((dentry): Patch => {
        const { at: place, value } = word(kernel, dentry, DENTRY, 'd_inode')
        return [place, value, 0n]
      })
    })

    it("names its containers, running and ended ones, from the daemon's memory as docker inspect does", async () => {
      const { rows } = await containersOf(copy.path)
      const told = image.truth<{ Id: string; Name: string; Config: { Image: string } }[]>('raw/docker-inspect.json')
      const named = rows.map(({ id, name, image: from }) => [id, name, from])
      expect(named).toEqual(told.map(({ Id, Name, Config }) => [Id, Name.slice(1), Config.Image]).sort())
      for (const { sources, evidence } of rows) {
        expect(sources).toMatchObject({ name: 'memory of dockerd', image: 'memory of dockerd' })
        const path = expect.stringMatching(/^dockerd \(pid \d+\)$/)
        expect(evidence).toContainEqual({ source: 'memory of dockerd', path, address: expect.stringMatching(/^0x/) })
      }
    })

    it('agrees with the image whose files are there in all that the kernel itself tells', async () => {
      const fields = ({ id, state, init_pid, processes, runtime }: Record<string, unknown>) =>
        JSON.stringify({ id, state, init_pid, processes, runtime })
      const { rows } = await containersOf(copy.path)
      const whole = table('containers', image.as('raw')).rows
      const running = (all: Record<string, unknown>[]) =>
        plain(all.filter(({ init_pid }) => init_pid !== null)).map(fields)
      expect(running(rows)).toEqual(running(whole))
    })
  })
}
