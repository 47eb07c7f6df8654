/** Filters of system calls and rules for devices, against what containers were declared with, and what the kernel knows. */

import { describe, expect, it } from 'vitest'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { bytes } from '../../dist/src/kernel/query.js'
import { containerDeclarations } from '../../dist/src/tables/containers.js'
import { changed } from './changes.js'
import { sharedImage, sharedImages, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

type Row = Record<string, unknown>

const texts = (value: unknown) => (value ?? []) as string[]
const SECCOMP_FILTER = '2'

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has every process that a filter holds, with as many filters as its status says', () => {
      const { rows } = table('seccomp-filters', image.as('elf'))
      const held = image.processes().filter(({ seccomp }) => seccomp === SECCOMP_FILTER)
      expect(held.length).toBeGreaterThan(8)
      for (const process of held) {
        const row = rows.find(({ pids }) => texts(pids).includes(`${process.pid}`))
        const { seccomp_filters } = process as unknown as { seccomp_filters: string }
        expect(row, `pid ${process.pid}`).toMatchObject({ mode: 'filter', filters: Number(seccomp_filters) })
      }
      const free = new Set(image.processes().flatMap(({ seccomp, pid }) => (seccomp === '0' ? `${pid}` : [])))
      expect(rows.flatMap(({ pids }) => texts(pids)).filter((pid) => free.has(pid))).toEqual([])
    })

    it('tells of every filter what it lets through, and so does what the kernel remembers of it', () => {
      const { rows } = table('seccomp-filters', image.as('elf'))
      for (const row of rows)
        expect(row).toMatchObject({ reason: null, bypassed: [], changed: false, otherwise: 'errno' })
      // What is told as allowed whatever its arguments are, the kernel has found to be so itself.
      const kernel = Kernel.attach(Kernel.open(image.as('elf'), { cacheDir: null }).id, () => {})
      const batch = kernel
        .at(
          rows.map(({ address }) => BigInt(address as string)),
          'struct seccomp_filter',
        )
        .select({ remembered: bytes('cache.allow_native') })
      rows.forEach((row, at) => {
        const remembered = batch.column('remembered').bytes(at) ?? new Uint8Array()
        const set = [...remembered].reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
        expect(Number(row.allowed)).toBeGreaterThan(250)
        expect(Number(row.allowed)).toBeLessThanOrEqual(set)
      })
      kernel.close()
    })

    it('has for each container the calls and devices that were declared', () => {
      const { rows } = table('seccomp-filters', image.as('elf'))
      const kernel = Kernel.attach(Kernel.open(image.as('elf'), { cacheDir: null }).id, () => {})
      let compared = 0
      for (const [id, { spec }] of containerDeclarations(kernel)) {
        if (spec.seccomp_profile === null) continue
        for (const row of rows.filter(({ container }) => container === id)) {
          const { calls, otherwise } = spec.seccomp_profile
          const declared = (name: string) => calls.get(name) ?? otherwise
          for (const name of texts(row.allowed_calls)) expect(declared(name), name).toBe('allowed')
          for (const name of texts(row.conditional_calls)) expect(declared(name), name).toBe('conditional')
          for (const name of texts(row.denied_calls)) expect(declared(name), name).toBe('denied')
          expect(texts(row.denied_calls)).toEqual(expect.arrayContaining(['mount', 'bpf', 'setns', 'init_module']))
          compared++
        }
      }
      kernel.close()
      expect(compared).toBeGreaterThan(4)
      const devices = table('device-rules', image.as('elf')).rows
      expect(devices.filter(({ container }) => container !== null).length).toBeGreaterThan(8)
      for (const row of devices) expect(row).toMatchObject({ reason: null, allowed: expect.arrayContaining([]) })
      const privileged = devices.filter(({ allowed }) => texts(allowed)[0] === 'a *:* rwm')
      expect(privileged.map(({ container_name }) => container_name)).toEqual(
        image.name === 'docker-debian12' ? ['corp-agent'] : ['kube-proxy', 'toolbox'],
      )
      const compareds = table('drift', image.as('elf')).rows.map(({ aspect }) => aspect)
      expect(compareds.filter((aspect) => aspect === 'seccomp' || aspect === 'devices')).toEqual([])
    })
  })
}

/** BPF_ALU with BPF_MOV, or with BPF_AND, and a number: of 32 bits (include/uapi/linux/bpf.h). */
const [MOVES, MASKS] = [0xb4, 0x54]

/** Changes the instructions of a program that move a number into the register that is returned, or mask by it. */
function instructions(
  kernel: Kernel,
  program: bigint,
  immediate: number,
  change: (code: DataView) => void,
  operation: number = MOVES,
): Patch[] {
  const code = kernel
    .at([program], 'struct bpf_prog')
    .select({ code: bytes('insnsi', { length: 'len << 3' }) })
    .column('code')
    .bytes(0)
  const view = new DataView((code ?? new Uint8Array()).slice().buffer)
  const { at: first } = word(kernel, program, 'struct bpf_prog', 'insnsi[0].code')
  const places = Array.from({ length: view.byteLength / 8 }, (_, at) => at * 8)
  // A number has no source: what that half says was never set.
  const moves = places.filter(
    (at) =>
      view.getUint8(at) === operation &&
      (view.getUint8(at + 1) & 0xf) === 0 &&
      view.getUint32(at + 4, true) === immediate,
  )
  return moves.map((at) => changed(kernel, first + BigInt(at), change))
}

const SECCOMP_RET_ALLOW = 0x7fff_0000
/** SECCOMP_RET_ERRNO with EPERM: what Docker's profile does with calls that it does not name. */
const REFUSED = 0x0005_0001
/** CLONE_NEW… but CLONE_NEWTIME: with none of these, Docker's profile lets clone() be called (include/uapi/linux/sched.h). */
const NAMESPACES = 0x7e02_0000
const CLONE_NEWNS = 0x2_0000
/** __NR_mount of x86-64. */
const MOUNT = 165n

const docker = sharedImage('docker-debian12')
const of = (rows: Row[], name: string) => rows.filter(({ container_name }) => container_name === name)

describe(`${docker.title} with filters and programs that were changed`, () => {
  docker.require()
  const copy = patchedCopy(docker, (kernel, path) => {
    const filters = table('seccomp-filters', path).rows
    const filterOf = (name: string) => BigInt(of(filters, name)[0]?.address as string)
    const cache = filterOf('shop-cache-1')
    const at = word(kernel, cache, 'struct seccomp_filter', 'cache.allow_native[0]').at + (MOUNT / 64n) * 8n
    const programs = table('bpf-programs', path).rows
    const program = (container: string) => {
      const [{ programs: ids } = {}] = of(table('device-rules', path).rows, container)
      return BigInt(programs.find(({ id }) => `${id}` === texts(ids)[0])?.address as string)
    }
    return [
      ...instructions(
        kernel,
        word(kernel, filterOf('corp-hostnet'), 'struct seccomp_filter', 'prog').value,
        REFUSED,
        (code) => code.setUint32(4, SECCOMP_RET_ALLOW, true),
      ),
      ...instructions(
        kernel,
        word(kernel, filterOf('shop-web-1'), 'struct seccomp_filter', 'prog').value,
        NAMESPACES,
        (code) => code.setUint32(4, NAMESPACES & ~CLONE_NEWNS, true),
        MASKS,
      ),
      changed(kernel, at, (bits) => bits.setBigUint64(0, bits.getBigUint64(0, true) | (1n << (MOUNT % 64n)), true)),
      ...instructions(kernel, program('corp-sidecar'), 0, (code) => code.setUint32(4, 1, true)),
      ...instructions(kernel, program('corp-locked'), 0, (code) => code.setUint8(0, 0x85)),
    ]
  })

  it('says so of the filters', () => {
    const { rows } = table('seccomp-filters', copy.path)
    expect(of(rows, 'corp-hostnet')).toMatchObject([{ changed: true, otherwise: 'errno' }])
    expect(of(rows, 'shop-cache-1')[0]).toMatchObject({ bypassed: ['mount'], changed: false })
    expect(rows.filter(({ changed, bypassed }) => changed !== false || texts(bypassed).length > 0)).toHaveLength(2)
  })

  it('has them in drift, and what is not told is no other list', () => {
    const { rows } = table('drift', copy.path)
    const about = (name: string) => of(rows, name).filter(({ aspect }) => aspect === 'seccomp' || aspect === 'devices')
    expect(about('corp-hostnet')).toContainEqual(
      expect.objectContaining({ name: expect.stringMatching(/\bmount\b/), actual: 'allowed', weaker: true }),
    )
    // Which arguments clone() may have is told by trying.
    expect(about('shop-web-1')).toMatchObject([
      { name: 'clone(0x20000, 0x0, 0x0, 0x0, 0x0, 0x0)', declared: 'denied', actual: 'allowed', weaker: true },
    ])
    expect(about('shop-cache-1')).toMatchObject([{ name: 'mount', declared: 'filtered', weaker: true }])
    expect(about('corp-sidecar')).toMatchObject([{ aspect: 'devices', actual: 'allowed', weaker: true }])
    expect(about('corp-locked')).toMatchObject([{ aspect: 'devices', actual: expect.stringMatching(/^not told: /) }])
    expect(table('device-rules', copy.path).rows.filter(({ allowed }) => allowed === null)).toHaveLength(1)
  })
})
