/** BPF programs, maps, links and where they are attached, against bpftool, a debugger and the symbols of the guests. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { at, NOWHERE, outOfIdr } from './changes.js'
import { partialTable, samples, sharedImage, sharedImages, table } from './images.js'
import { patchedCopy, word } from './patched.js'

interface ListedProgram {
  id: number
  type: string
  name?: string
  tag: string
  uid: number
  loaded_at: number
  bytes_xlated: number
  bytes_jited: number
  map_ids?: number[]
}

interface ListedMap {
  id: number
  type: string
  name: string
  bytes_key: number
  bytes_value: number
  max_entries: number
}

interface ListedCgroup {
  cgroup: string
  programs: { id: number; attach_type: string }[]
}

const first = (rows: Record<string, unknown>[], id: number) => rows.find((row) => row.id === id)

/** Samples that were made when these tables were there. */
const sampled = samples().filter((image) => image.has('raw/bpftool-prog.json'))

for (const image of [...sampled, sharedImage('docker-debian12')]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has every program that bpftool listed, and none else', () => {
      const { rows } = table('bpf-programs', image.as(own))
      const listed = image.truth<ListedProgram[]>('raw/bpftool-prog.json')
      expect(listed.length).toBeGreaterThan(5)
      for (const { id, type, name, tag, uid, bytes_xlated, bytes_jited, map_ids, loaded_at } of listed) {
        const row = first(rows, id)
        expect(row, `program ${id}`).toMatchObject({ id, type, name: name ?? '', tag, uid, size: bytes_xlated })
        expect(row).toMatchObject({ jited: bytes_jited, maps: (map_ids ?? []).map(String), hidden: false })
        expect(Math.abs(Date.parse(`${row?.loaded}`) / 1000 - loaded_at)).toBeLessThan(2)
      }
      expect(rows.map(({ id }) => id)).toEqual(listed.map(({ id }) => id))
    })

    it('has every map and link', () => {
      const maps = table('bpf-maps', image.as(own)).rows
      const listed = image.truth<ListedMap[]>('raw/bpftool-map.json')
      expect(maps).toMatchObject(
        listed.map(({ id, type, name, bytes_key, bytes_value, max_entries }) => {
          return { id, type, name, key_size: bytes_key, value_size: bytes_value, max_entries, hidden: false }
        }),
      )
      const links =
        image.truth<{ id: number; type: string; prog_id: number; tp_name?: string }[]>('raw/bpftool-link.json')
      const found = table('bpf-links', image.as(own)).rows
      expect(found.map(({ id, type, program_id }) => [id, type, program_id])).toEqual(
        links.map(({ id, type, prog_id }) => [id, type, prog_id]),
      )
      for (const { id, tp_name } of links) {
        if (tp_name !== undefined) expect(first(found, id)?.attached_to).toBe(tp_name)
      }
    })

    it('has every attachment to a cgroup, each with its container', () => {
      const { rows } = table('bpf-attachments', image.as(own))
      const listed = image
        .truth<ListedCgroup[]>('raw/bpftool-cgroup.json')
        .flatMap(({ cgroup, programs }) =>
          programs.map(({ id, attach_type }) => `${cgroup.replace(/^\/sys\/fs\/cgroup/, '')} ${attach_type} ${id}`),
        )
      expect(listed.length).toBeGreaterThan(5)
      const cgroups = rows.filter(({ kind }) => kind === 'cgroup')
      expect(cgroups.map(({ target, type, program_id }) => `${target} ${type} ${program_id}`).sort()).toEqual(
        listed.sort(),
      )
      for (const { target, container } of cgroups) {
        expect(container).toBe(/docker-([0-9a-f]{64})\.scope$/.exec(`${target}`)?.[1] ?? null)
      }
      expect(rows.filter(({ hidden }) => hidden !== false)).toEqual([])
    })
  })
}

for (const image of sharedImages()) {
  describe(`${image.title}, with a debugger's eyes`, () => {
    image.require()

    it('has each program and map where the debugger saw it, and each tag that has a symbol', () => {
      const oracle = JSON.parse(image.text('oracle.json').replace(/: (\d{16,})/g, ': "$1"')) as {
        bpf_progs: { addr: string; id: number; name: string }[]
        bpf_maps: { addr: string; id: number; name: string }[]
      }
      const programs = table('bpf-programs', image.as('elf')).rows
      const at = ({ address, id }: Record<string, unknown>) => [BigInt(`${address}`).toString(), id]
      expect(programs.map(at)).toEqual(oracle.bpf_progs.map(({ addr, id }) => [addr, id]))
      // The object has 15 characters of a name, its BTF the whole.
      expect(programs.map(({ name }) => `${name}`.slice(0, 15))).toEqual(oracle.bpf_progs.map(({ name }) => name))
      expect(table('bpf-maps', image.as('elf')).rows.map(at)).toEqual(oracle.bpf_maps.map(({ addr, id }) => [addr, id]))
      const symbols = image.text('raw/proc-kallsyms.txt').matchAll(/ bpf_prog_([0-9a-f]{16})\S*\t\[bpf\]$/gm)
      const tags = new Set([...symbols].map(([, tag]) => tag))
      expect(tags.size).toBeGreaterThan(4)
      const known = new Set(programs.map(({ tag }) => tag))
      // An inner function of a program has a symbol of its own.
      expect([...tags].filter((tag) => !known.has(tag)).length).toBeLessThan(2)
    })
  })
}

describe('planted on docker-debian12', () => {
  const image = sharedImage('docker-debian12')
  image.require()

  it('shows the program on sys_enter with its holder, and what its map holds', () => {
    const planted = { pid: 1510, comm: 'standin' }
    const row = table('bpf-programs', image.as('elf')).rows.find(({ name }) => name === 'lab_evil_tp')
    expect(row).toMatchObject({
      ...planted,
      type: 'raw_tracepoint',
      attached_to: ['raw_tracepoint sys_enter'],
      unheld: false,
    })
    expect(row?.holders).toMatchObject([/^1510 standin fd \d+$/].map((form) => expect.stringMatching(form)))
    const [map] = table('bpf-maps', image.as('elf')).rows
    expect(map).toMatchObject({ ...planted, name: 'lab_map' })
    const entries = table('bpf-map-entries', image.as('elf'), '--map', `${map?.id}`).rows
    expect(entries).toMatchObject([{ map: 'lab_map', key: '37130000', text: 'LAB-BPF-MAP-VALUE-7f3a' }])
    const code = table('bpf-instructions', image.as('elf'), '--program', `${row?.id}`).rows
    expect(code.map(({ text }) => text)).toEqual(['r0 = 0', 'exit'])
  })
})

describe('a program and a link that were taken out of their id tables', () => {
  const image = sharedImage('docker-debian12')
  image.require()
  const copy = patchedCopy(image, (kernel) => [outOfIdr(kernel, 'prog_idr', 55), outOfIdr(kernel, 'link_idr', 1)])

  it('are found by their symbol, descriptor and attachment, and said to be hidden', () => {
    const { rows } = table('bpf-programs', copy.path)
    expect(rows.length).toBe(27)
    expect(rows.filter(({ hidden }) => hidden === true)).toMatchObject([
      { name: 'lab_evil_tp', id: 55, pid: 1510, found_by: ['symbol list', 'descriptor', 'link', 'attachment'] },
    ])
    const links = table('bpf-links', copy.path).rows
    expect(links).toMatchObject([{ id: 1, hidden: true, attached_to: 'sys_enter', found_by: ['descriptor'] }])
    const attachments = table('bpf-attachments', copy.path).rows.filter(({ hidden }) => hidden === true)
    expect(attachments).toMatchObject([{ kind: 'tracepoint', target: 'sys_enter', name: 'lab_evil_tp' }])
  })
})

describe('a table of ids that leads nowhere', () => {
  const [image] = samples()
  image?.require()
  /** Its node where no memory is; the lower bits say that it is one. */
  const lost = (symbol: string) => (kernel: Kernel) => {
    const root = word(kernel, at(kernel, symbol), 'struct idr', 'idr_rt.xa_head')
    return [[root.at, root.value, NOWHERE + 2n] as [bigint, bigint, bigint]]
  }
  const copy = patchedCopy(image as NonNullable<typeof image>, lost('prog_idr'))

  it('hides none of the programs that others know', () => {
    const { rows } = partialTable('bpf-programs', copy.path)
    expect(rows.length).toBeGreaterThan(5)
    expect(rows.filter(({ hidden }) => hidden !== null)).toEqual([])
    expect(partialTable('bpf-attachments', copy.path).rows.filter(({ hidden }) => hidden !== null)).toEqual([])
  })
})
