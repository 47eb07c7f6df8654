/** What is of a container's upper layer: by what the overlay says, and by where it lies. */

import { expect, test } from 'vitest'
import { upperLayers } from '../../src/findings/upper-layers.js'

const root = { container: 'c', mnt_ns: 7, target: '/', type: 'overlay', layers: ['/var/lib/x/diff', '/image'] }
const all = [root, { ...root, target: '/etc/hosts', type: 'ext4', layers: null }]
const mounts = { where: (_: 'target', value: string) => all.filter(({ target }) => target === value) }
const upper = (...files: { path: string | null; type: string; layer: string | null }[]) =>
  [...(upperLayers(mounts, { where: () => files })('c')?.files ?? [])].map(([path, file]) => [
    path,
    files.indexOf(file as never),
  ])

test('either says so, and the layer’s own row counts of what is there twice', () => {
  const seen = { path: '/tmp/x', type: 'file', layer: 'upper' }
  const own = { path: '/var/lib/x/diff/tmp/x', type: 'file', layer: null }
  expect(upper(seen)).toEqual([['/tmp/x', 0]])
  expect(upper(own)).toEqual([['/tmp/x', 0]])
  expect(upper(own, seen)).toEqual([['/tmp/x', 0]])
})

test('neither the image’s files nor what engines make to mount over', () => {
  expect(
    upper({ path: '/bin/sh', type: 'file', layer: 'lower' }, { path: null, type: 'file', layer: 'upper' }),
  ).toEqual([])
  expect(upper({ path: '/etc/hosts', type: 'file', layer: 'upper' })).toEqual([])
})
