/** Mounts against /proc/PID/mountinfo of the guests themselves. */

import { describe, expect, it } from 'vitest'
import { armSamples, samples, sharedImages, table } from './images.js'
import { patchedCopy, word } from './patched.js'

interface Mounted {
  ns: { mnt: number }
  root: string
  mountinfo: string[]
}

/** mountinfo puts what would end a word into octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

function wanted(line: string): Record<string, unknown> {
  const [left = '', right = ''] = line.split(' - ')
  const [id, parent, device, root, target, options, ...propagation] = left.split(' ')
  const [type, source, superOptions] = right.split(' ')
  return {
    id: Number(id),
    parent_id: Number(parent),
    device,
    root: unescaped(root ?? ''),
    target: unescaped(target ?? ''),
    options,
    propagation: propagation.filter((word) => word !== '').join(' ') || null,
    type,
    source: unescaped(source ?? ''),
    super_options: unescaped(superOptions ?? ''),
  }
}

const sampled = [...samples(), ...armSamples()].filter((image) => image.has('mounts.json'))

for (const image of [...sampled, ...sharedImages()]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has every line of every mountinfo, and none else that these could reach', () => {
      const { rows } = table('mounts', image.as(own))
      const key = (namespace: unknown, id: unknown) => `${namespace} ${id}`
      const found = new Map(rows.map((row) => [key(row.mnt_ns, row.id), row]))
      expect(found.size).toBe(rows.length)
      const known = new Set<string>()
      const namespaces = new Set<number>()
      for (const { ns, root, mountinfo } of image.parts<Mounted>('mounts.json')) {
        // Who is in another root does not see all.
        if (root !== '/' || namespaces.has(ns.mnt)) continue
        namespaces.add(ns.mnt)
        for (const line of mountinfo) {
          const mount = wanted(line)
          known.add(key(ns.mnt, mount.id))
          expect(found.get(key(ns.mnt, mount.id)), `${ns.mnt}: ${line}`).toMatchObject(mount)
        }
      }
      expect(known.size).toBeGreaterThan(image.isSmall ? 190 : image.has('mounts.json') ? 200 : 600)
      const spare = rows.filter(
        (row) => known.has(key(row.mnt_ns, row.parent_id)) && !known.has(key(row.mnt_ns, row.id)),
      )
      expect(spare).toEqual([])
    })

    it('shows the layers of each overlay as its options name them', () => {
      const overlays = table('mounts', image.as(own)).rows.filter(({ type }) => type === 'overlay')
      // Bare containerd was given a folder.
      expect(overlays.length).toBeGreaterThan(image.isSmall ? -1 : 5)
      for (const { super_options, layers } of overlays) {
        const [, upper] = /,upperdir=([^,]*)/.exec(String(super_options)) ?? []
        const [, lower] = /,lowerdir=([^,]*)/.exec(String(super_options)) ?? []
        const [first, ...others] = layers as string[]
        expect(first).toBe(upper)
        expect(others).toHaveLength(lower?.split(':').length ?? 0)
      }
    })
  })
}

const [docker] = sharedImages()
if (docker !== undefined) {
  describe(`a mount that was taken off its namespace's list in ${docker.title}`, () => {
    docker.require()
    let hidden: unknown
    const copy = patchedCopy(docker, (kernel) => {
      const mount = table('mounts', docker.as('elf')).rows.find(({ root }) => String(root).startsWith('net:['))
      hidden = mount?.address
      const at = (path: string) => word(kernel, BigInt(String(hidden)), 'struct mount', path)
      const [next, previous] = [at('mnt_list.next'), at('mnt_list.prev')]
      return [
        [previous.value, next.at, next.value],
        [next.value + 8n, next.at, previous.value],
      ]
    })

    it('is a row all the same, and is said to be missing there', () => {
      const { rows, warnings } = table('mounts', copy.path)
      expect(rows.find(({ address }) => address === hidden)).toMatchObject({ type: 'nsfs' })
      expect(warnings).toContainEqual(expect.objectContaining({ code: 'disagree', count: 1 }))
      expect(table('mounts', docker.as('elf')).warnings).toEqual([])
    })
  })
}
