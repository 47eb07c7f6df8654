/** ELF files in memory against what the guests mapped. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'

interface Mapped {
  pid: number
  exe: string | null
  maps: string[]
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has the programs and libraries of every process, once each', () => {
      const { rows } = table('elf-files', image.as('elf'))
      const keys = rows.map(({ pid, start }) => `${pid} ${start}`)
      expect(new Set(keys).size).toBe(keys.length)
      const processes = image.parts<Mapped>('memory.json').filter(({ maps }) => maps.length > 0)
      // What a file begins with is where its first mapping does.
      const firsts = processes.flatMap(({ pid, maps }) =>
        maps.flatMap((line) => {
          const [span = '', , offset, , inode, ...path] = line.split(/ +/)
          return offset === '00000000' && inode !== '0'
            ? [{ pid, start: `0x${BigInt(`0x${span.split('-')[0]}`).toString(16)}`, path: path.join(' ') }]
            : []
        }),
      )
      const mapped = new Map(firsts.map(({ pid, start, path }) => [`${pid} ${start}`, path]))
      let held = 0
      for (const { pid, start, path, machine, type } of rows) {
        expect(machine).toBe('x86_64')
        expect(['shared object', 'executable']).toContain(type)
        const known = mapped.get(`${pid} ${start}`)
        if (known === undefined) continue
        expect(path).toBe(known)
        held++
      }
      expect(held).toBeGreaterThan(150)
      const vdso = rows.filter(({ path }) => path === '[vdso]')
      expect(vdso.length).toBeGreaterThan(20)
      for (const { pid, start } of rows.filter(({ path }) => path !== '[vdso]')) {
        if (processes.some((one) => one.pid === pid)) expect(mapped.has(`${pid} ${start}`)).toBe(true)
      }
    })
  })
}
