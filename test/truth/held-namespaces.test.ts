/** Who holds namespaces, against descriptors and mounts that the guests recorded. */

import { describe, expect, it } from 'vitest'
import { sharedImages, type TruthProcess, table } from './images.js'

interface Holder extends TruthProcess {
  fds: { fd: number; target: string }[]
  mountinfo: string[]
}

/** `net:[4026531840]`, as links and mountinfo name one. */
const NAMED = /^(mnt|pid|net|uts|ipc|user|cgroup|time):\[\d+\]$/

describe.each(sharedImages())('$title', (image) => {
  image.require()
  const holders = () => image.processes() as Holder[]

  it('names who has a namespace open or mounted', () => {
    const { rows } = table('namespaces', image.as('elf'))
    const held = new Map(rows.map(({ type, inode, held_by }) => [`${type}:[${inode}]`, held_by as string[]]))
    const open = holders().flatMap(({ pid, comm, fds }) =>
      fds
        .filter(({ target }) => NAMED.test(target))
        .map(({ fd, target }) => [target, `pid ${pid} (${comm}) fd ${fd}`] as const),
    )
    const [init] = holders()
    const mounted = (init?.mountinfo ?? []).flatMap((line) => {
      const [root = '', target = ''] = line.split(' ').slice(3)
      return NAMED.test(root) ? [[root, `mount ${target}`] as const] : []
    })
    expect(mounted.length).toBeGreaterThan(4)
    for (const [namespace, holder] of [...open, ...mounted]) expect(held.get(namespace), namespace).toContain(holder)
  })

  it('has no namespace twice, and none without a process that nobody holds but the network', () => {
    const { rows } = table('namespaces', image.as('elf'))
    expect(new Set(rows.map(({ type, inode }) => `${type} ${inode}`)).size).toBe(rows.length)
    const empty = rows.filter(({ processes, type }) => processes === 0 && type !== 'net')
    expect(empty.filter(({ held_by }) => (held_by as string[]).length === 0)).toEqual([])
  })
})
