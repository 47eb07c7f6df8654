/** Loaded modules against the guests' own /proc/modules, and modules that the test itself hides in a copy of the image. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { lettersOf } from '../../dist/src/kernel/modules.js'
import { offList } from './changes.js'
import { armSamples, samples, sharedImages, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

const MODULE = 'struct module'
const EVERYBODY = ['list', 'kset', 'tree', 'scan']
/** Listing sockets for the record loads these afterwards. */
const LATE = /_diag$/

/** A line of /proc/modules. */
function wanted(line: string): Record<string, unknown> {
  const [name, size, , users = '', state = '', base] = line.split(' ')
  return {
    name,
    size: Number(size),
    state: state.toLowerCase(),
    base,
    used_by: users.split(',').filter((user) => !['', '-', '[permanent]'].includes(user)),
    found_by: EVERYBODY,
  }
}

/** Samples that were made when this table was there. */
const images = [...armSamples(), ...samples().filter((image) => image.has('raw/proc-modules.txt')), ...sharedImages()]

describe.each(images)('$title', (image) => {
  image.require()

  it('has every line of /proc/modules in its order, known by all', () => {
    const { rows, warnings } = table('modules', image.as(image.formats[0] ?? 'lime'))
    const lines = image.text('raw/proc-modules.txt').trim().split('\n').map(wanted)
    expect(lines.length).toBeGreaterThan(20)
    const names = new Set(lines.map(({ name }) => name))
    expect(rows.filter(({ name }) => names.has(name))).toMatchObject(lines)
    expect(rows.filter(({ name }) => !names.has(name) && !LATE.test(String(name)))).toEqual([])
    // The sample was made without the areas of the address space.
    expect(warnings.filter(({ message }) => !message.includes('struct vmap_area'))).toEqual([])
  })

  it('says what a module was told', () => {
    const { rows } = table('modules', image.as(image.formats[0] ?? 'lime'))
    const parameters = new Map(rows.map(({ name, parameters }) => [name, parameters as string[]]))
    expect(parameters.get('virtio_net')).toEqual(expect.arrayContaining(['napi_tx=Y', 'csum=Y', 'gso=Y']))
    if (!image.isSmall) expect(parameters.get('scsi_mod')).toContain('max_luns=512')
  })
})

/** The folder of a module below /sys/module, taken out of it. */
function unlinkFolder(kernel: Kernel, module: bigint): Patch[] {
  const { at } = word(kernel, module, MODULE, 'mkobj.kobj.name')
  return offList(kernel, at, 'struct kobject', 'entry')
}

/** What is hidden. */
const VICTIM = 'overlay'

function hide(kernel: Kernel, path: string, fromFolder: boolean): Patch[] {
  const row = table('modules', path).rows.find(({ name }) => name === VICTIM)
  const module = BigInt(row?.address as string)
  return [...offList(kernel, module, MODULE, 'list'), ...(fromFolder ? unlinkFolder(kernel, module) : [])]
}

/** From where it is hidden, whether from /sys too, and who still knows it. */
const HIDDEN: readonly [string, boolean, string[]][] = [
  ['off the list', false, ['kset', 'tree', 'scan']],
  ['off the list and out of /sys', true, ['tree', 'scan']],
]

for (const image of sharedImages()) {
  for (const [how, fromFolder, found_by] of HIDDEN) {
    describe(`${image.title} with a module ${how}`, () => {
      image.require()
      const copy = patchedCopy(image, (kernel, path) => hide(kernel, path, fromFolder))

      it('is named by those that still know it', () => {
        const { rows, warnings } = table('modules', copy.path)
        const hidden = rows.filter((row) => (row.found_by as string[]).length < EVERYBODY.length)
        expect(hidden).toMatchObject([{ name: VICTIM, state: 'live', found_by }])
        expect(warnings).toMatchObject([{ code: 'disagree' }])
      })
    })
  }
}

/** The tree's nodes of the victim's memory say that they are another module's: pointers to it in it are no longer there. */
function outOfTree(kernel: Kernel, module: bigint, other: bigint): Patch[] {
  const nodes = ['mem[0]', 'mem[1]', 'mem[2]', 'mem[3]', 'mem[4]', 'mem[5]', 'mem[6]', 'core_layout', 'init_layout']
  return nodes.flatMap((node): Patch[] => {
    const found = kernel.attempt(() => word(kernel, module, MODULE, `${node}.mtn.mod`))
    return found?.value === module ? [[found.at, module, other]] : []
  })
}

/** Off every list; and with what is left of the pointers by which memory tells a module. */
function vanish(kernel: Kernel, path: string, isWiped: boolean): Patch[] {
  const rows = table('modules', path).rows
  const [module = 0n, other = 0n] = [VICTIM, 'button'].map((wanted) =>
    BigInt(rows.find(({ name }) => name === wanted)?.address as string),
  )
  const folder = word(kernel, module, MODULE, 'mkobj.mod')
  const wiped: Patch[] = isWiped ? [[folder.at, module, 0n]] : []
  return [...hide(kernel, path, true), ...outOfTree(kernel, module, other), ...wiped]
}

for (const image of sharedImages()) {
  describe(`${image.title} with a module off every list`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel, path) => vanish(kernel, path, false))

    it('is found in its memory, which belongs to no module that is known', () => {
      const hidden = table('modules', copy.path).rows.filter((row) => (row.found_by as string[]).includes('vmap'))
      expect(hidden).toMatchObject([{ name: VICTIM, state: 'live', found_by: ['scan', 'vmap'] }])
    })
  })

  describe(`${image.title} with a module that is nowhere known`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel, path) => vanish(kernel, path, true))

    it('is found by the areas that were made for it, each of which is a row', () => {
      const before = table('modules', image.as('elf')).rows.find(({ name }) => name === VICTIM)
      const { rows, warnings } = table('modules', copy.path)
      const areas = rows.filter(({ name }) => name === null)
      expect(areas.length).toBeGreaterThan(0)
      expect(areas.every(({ found_by }) => `${found_by}` === 'vmap')).toBe(true)
      expect(areas.map(({ base }) => base)).toContain(before?.base)
      expect(rows.filter(({ name }) => name === VICTIM)).toEqual([])
      expect(warnings.map(({ code }) => code)).toContain('disagree')
    })
  })
}

describe('letters of taints', () => {
  it('are those of /proc/modules', () => {
    expect(lettersOf(0n)).toBe('')
    expect(lettersOf((1n << 12n) | (1n << 13n))).toBe('OE')
    expect(lettersOf((1n << 0n) | (1n << 12n) | (1n << 63n))).toBe('PO?')
    expect(lettersOf(null)).toBeNull()
  })
})
