/** Mappings and environments against /proc/PID/maps and environ of the guests themselves. */

import { describe, expect, it } from 'vitest'
import { append } from '../../dist/src/append.js'
import { armSamples, samples, sharedImages, table } from './images.js'

interface InMemory {
  pid: number
  maps: string[]
  environ: string[]
}

/** A path as /proc writes it, with the characters that would break its lines in octal. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

function lineOf(text: string): Record<string, unknown> {
  const [, start, end, permissions, offset, major, minor, inode, path] =
    /^(\w+)-(\w+) (\S+) (\w+) (\w+):(\w+) (\d+)\s*(.*)$/.exec(text) ?? []
  const isFile = inode !== '0'
  return {
    start: BigInt(`0x${start}`),
    // The heap goes on growing.
    end: path === '[heap]' ? null : BigInt(`0x${end}`),
    permissions,
    offset: isFile ? Number.parseInt(offset ?? '', 16) : null,
    device: isFile ? `${Number.parseInt(major ?? '', 16)}:${Number.parseInt(minor ?? '', 16)}` : null,
    inode: isFile ? Number(inode) : null,
    path: path === '' ? null : unescaped(path ?? ''),
  }
}

function shown(row: Record<string, unknown>): Record<string, unknown> {
  const { start, end, permissions, offset, device, inode, path } = row
  return {
    start: BigInt(start as string),
    end: path === '[heap]' ? null : BigInt(end as string),
    permissions,
    offset,
    device,
    inode,
    path,
  }
}

/** Samples that were made when these tables were there. */
const sampled = [...samples(), ...armSamples()].filter((image) => image.has('memory.json'))

for (const image of [...sampled, ...sharedImages()]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has every mapping of every process, and none else', () => {
      const { rows } = table('memory-maps', image.as(own))
      const byPid = new Map<unknown, Record<string, unknown>[]>()
      for (const row of rows) append(byPid, row.pid, row)
      let compared = 0
      for (const { pid, maps } of image.parts<InMemory>('memory.json')) {
        const found = (byPid.get(pid) ?? []).map(shown)
        expect(found, `pid ${pid}`).toEqual(maps.map(lineOf))
        compared += found.length
      }
      expect(compared).toBeGreaterThan(image.isSmall ? 120 : image.has('memory.json') ? 300 : 2000)
    })

    it('has every variable of every environment, and none else', () => {
      const byPid = new Map<unknown, string[]>()
      for (const { pid, name, value } of table('environment', image.as(own)).rows) {
        append(byPid, pid, `${name}=${value}`)
      }
      let compared = 0
      for (const { pid, environ } of image.parts<InMemory>('memory.json')) {
        // What a title was written over has pieces without a name.
        const variables = environ.filter((piece) => piece.indexOf('=') > 0)
        expect(byPid.get(pid) ?? [], `pid ${pid}`).toEqual(variables)
        compared += variables.length
      }
      expect(compared).toBeGreaterThan(image.isSmall ? 6 : image.has('memory.json') ? 30 : 300)
    })

    it('names the container of each mapping', () => {
      const { rows } = table('memory-maps', image.as(own))
      const names = new Map(table('containers', image.as(own)).rows.map(({ id, name }) => [id, name]))
      const inside = rows.filter(({ container }) => container !== null)
      expect(inside.length).toBeGreaterThan(image.isSmall ? 40 : 300)
      for (const { container, container_name } of inside) expect(container_name).toBe(names.get(container))
    })
  })
}
