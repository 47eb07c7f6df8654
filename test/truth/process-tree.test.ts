/** The tree of processes against the parents that /proc recorded, and where memory claims a circle. */

import { describe, expect, it } from 'vitest'
import { samples, sharedImages, table } from './images.js'
import { patchedCopy, word } from './patched.js'

interface Row {
  pid: number
  ppid: number
  depth: number
  comm: string
}

const rowsOf = (path: string) => table('process-tree', path).rows as unknown as Row[]

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
