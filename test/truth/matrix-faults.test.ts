/**
 * What guests with other kernels brought to light (docs/kernels.md), each made again in memory of a kernel that is at hand:
 * what was said falsely then is not said, and what looks alike is.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { placeTasks } from '../../dist/src/containers/membership.js'
import { formatPointers } from '../../dist/src/kernel/hooks/formats.js'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { strayAreas } from '../../dist/src/kernel/module-areas.js'
import { addressOf, kernfsPath } from '../../dist/src/kernel/query.js'
import { readTasks } from '../../dist/src/kernel/tasks.js'
import type { Warning } from '../../dist/src/warning.js'
import { samples, sharedImages, type TruthImage, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'
import { mapOf } from './symbol-files.js'

/** For suites that run beside others on a busy machine: each test runs salvor a few times. */
const PATIENT = 120_000

const sampleOf = (kernel: string): TruthImage => {
  const found = samples().find(({ name }) => name === kernel)
  if (found === undefined) throw new Error(`there is no sample ${kernel}`)
  return found
}

function opened<T>(path: string, symbols: string[], read: (kernel: Kernel, heard: Warning[]) => T): T {
  const heard: Warning[] = []
  const kernel = Kernel.attach(Kernel.open(path, { cacheDir: null, symbols }).id, (warning) => heard.push(warning))
  try {
    return read(kernel, heard)
  } finally {
    kernel.close()
  }
}

const doubtful = (heard: readonly { code: string }[]) =>
  heard.filter(({ code }) => code === 'torn' || code === 'unreadable' || code === 'cycle')

/** Puts text where a text of at most so many whole words is. */
function texts(kernel: Kernel, at: bigint, text: string): Patch[] {
  const bytes = Buffer.alloc(Math.ceil((text.length + 1) / 8) * 8)
  bytes.write(text)
  return Array.from({ length: bytes.length / 8 }, (_, part): Patch => {
    const place = at + BigInt(part * 8)
    return [place, word(kernel, place, 'unsigned long', '').value, bytes.readBigUInt64LE(part * 8)]
  })
}

describe('mounts of a user namespace’s file systems on kernels 5.17 to 6.1', () => {
  const image = sampleOf('docker-debian12')
  const inContainer = (path: string) =>
    table('mounts', path).rows.filter(({ container, type }) => container !== null && type === 'tmpfs')
  const changed = (rows: readonly string[]) => (kernel: Kernel, path: string) => {
    const mount = BigInt(`${inContainer(path)[0]?.address}`)
    // A namespace that was made is no part of the kernel's own data.
    const other = mount + 64n
    const userns = word(kernel, mount, 'struct mount', 'mnt.mnt_userns')
    const own = word(kernel, mount, 'struct mount', 'mnt.mnt_sb->s_user_ns')
    const patches: Record<string, Patch> = {
      mount: [userns.at, userns.value, other],
      superblock: [own.at, own.value, other],
    }
    return rows.map((name) => patches[name] as Patch)
  }
  const ownOnes = patchedCopy(image, changed(['mount', 'superblock']))
  const mapped = patchedCopy(image, changed(['mount']))
  const isMapped = ({ options }: Record<string, unknown>) => `${options}`.split(',').includes('idmapped')

  it(
    'map no ids where mount and file system are of one namespace, and do where they are of two',
    () => {
      expect(inContainer(image.as('raw')).filter(isMapped)).toEqual([])
      expect(inContainer(ownOnes.path).length).toBeGreaterThan(2)
      expect(inContainer(ownOnes.path).filter(isMapped)).toEqual([])
      expect(inContainer(mapped.path).filter(isMapped).length).toBe(1)
    },
    PATIENT,
  )
})

describe('retrans_time', () => {
  it('is in ticks of the kernel for neighbours of IPv6, and in those of user space for IPv4', () => {
    const { rows } = table('kernel-settings', sampleOf('docker-debian12').as('lime'))
    const values = new Map(rows.map(({ name, value }) => [`${name}`, Number(value)]))
    const held = [...values].filter(([name]) => name.endsWith('.retrans_time'))
    expect(held.length).toBeGreaterThan(4)
    for (const [name, value] of held) {
      // CONFIG_HZ of Debian, and USER_HZ.
      const perSecond = name.startsWith('net.ipv6.') ? 250 : 100
      expect(value, name).toBe(((values.get(`${name}_ms`) ?? Number.NaN) * perSecond) / 1000)
    }
  })
})

describe('a file that was opened without a name', () => {
  const image = sampleOf('docker-debian12')
  const victim = { pid: 0, fd: 0, inode: 0 }
  const names = (path: string) => table('open-files', path)
  const row = (path: string) => names(path).rows.find(({ pid, fd }) => pid === victim.pid && fd === victim.fd)
  /** As d_mark_tmpfile() leaves a dentry: called by its inode's number, in no table, without a hash. */
  const nameless = (number: bigint) => (kernel: Kernel, path: string) => {
    const found = names(path).rows.find(
      ({ path: file, deleted, type }) => type === 'file' && deleted === false && `${file}`.startsWith('/var/'),
    )
    Object.assign(victim, { pid: found?.pid, fd: found?.fd, inode: found?.inode })
    const dentry = word(kernel, BigInt(`${found?.address}`), 'struct file', 'f_path.dentry').value
    const at = (member: string) => word(kernel, dentry, 'struct dentry', member)
    const name = `#${BigInt(victim.inode) + number}`
    const [text, sizes, hashed] = [at('d_name.name'), at('d_name.hash_len'), at('d_hash.pprev')]
    const inline = kernel.at([dentry], 'struct dentry').select({ at: addressOf('d_iname') })
    const own = inline.column('at').bigint(0) ?? 0n
    return [
      ...texts(kernel, own, name),
      ...(text.value === own ? [] : ([[text.at, text.value, own]] as Patch[])),
      [sizes.at, sizes.value, BigInt(name.length) << 32n],
      [hashed.at, hashed.value, 0n],
    ] as Patch[]
  }
  const copy = patchedCopy(image, nameless(0n))
  const forged = patchedCopy(image, nameless(1n))

  it(
    'is shown by the number that it is called by, and one that is called by another’s is not',
    () => {
      const fine = names(copy.path)
      expect(fine.rows.find(({ pid, fd }) => pid === victim.pid && fd === victim.fd)?.path).toContain(
        `#${victim.inode}`,
      )
      expect(doubtful(fine.warnings)).toEqual([])
      expect(() => row(forged.path)).toThrow(/ended with 5/)
    },
    PATIENT,
  )
})

describe('a list of the kernel’s whose name others have too', () => {
  const folder = mkdtempSync(join(tmpdir(), 'salvor-matrix-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  for (const image of sharedImages()) {
    describe(image.title, () => {
      image.require()

      it(
        'is the one that leads back to its head',
        () => {
          const { expected, map } = opened(image.as('elf'), [], (kernel) => {
            const { addresses, names, letters, modules } = kernel.symbols()
            const own = names.flatMap((name, at) =>
              modules[at] === null ? [{ name, address: addresses[at] ?? 0n, type: letters[at] ?? '?' }] : [],
            )
            const twin = { name: 'formats', address: kernel.address('linux_banner') ?? 0n, type: 'd' }
            // A file that says no more than the kernel does is not asked.
            const more = own.map((one) =>
              one.name === 'saved_command_line' ? { ...one, address: one.address + 8n } : one,
            )
            return { expected: formatPointers(kernel), map: mapOf([twin, ...more]) }
          })
          expect(expected.length).toBeGreaterThan(5)
          const file = join(folder, `System.map-${image.name}`)
          writeFileSync(file, map)
          const { found, heard } = opened(image.as('elf'), [file], (kernel, heard) => {
            expect(kernel.address('formats')).toBe(kernel.address('linux_banner'))
            return { found: formatPointers(kernel), heard: doubtful(heard) }
          })
          expect(found).toEqual(expected)
          expect(heard).toEqual([])
        },
        PATIENT,
      )
    })
  }
})

describe('tasks that have ended, where there are cgroups of version 1', () => {
  it('are of no cgroup that what is left of them leads to, and nothing is doubted for it', () => {
    opened(sampleOf('podman-debian11').as('lime'), [], (kernel, heard) => {
      const known = [kernel.address('init_task') ?? 0n]
      const [task] = readTasks(kernel, known, new Map())
      if (task === undefined) throw new Error('the first task is not read')
      // Text is no list of cgroups.
      const gone = { ...task, css_set: kernel.address('linux_banner') }
      heard.length = 0
      expect(placeTasks(kernel, [task], [gone]).map(({ container }) => container)).toEqual([null, null])
      expect(doubtful(heard)).toEqual([])
      expect(heard.map(({ code }) => code)).toContain('leftover')
      expect(placeTasks(kernel, [gone])).toHaveLength(1)
      expect(doubtful(heard).length).toBeGreaterThan(0)
    })
  })
})

for (const image of sharedImages()) {
  describe(`memory that modules share, in ${image.title}`, () => {
    image.require()
    /** VM_ALLOW_HUGE_VMAP (include/linux/vmalloc.h), which what is shared asks for on kernels 7.x. */
    const HUGE = 0x400n
    const code = (kernel: Kernel) => {
      const modules = kernel.list('modules', 'struct module', 'list')
      const bases = [...modules.select({ base: ['mem[MOD_TEXT].base', 'core_layout.base'] })]
      return bases.map(({ base }) => BigInt(base ?? 0))
    }
    const stray = (kernel: Kernel) => strayAreas(kernel, code(kernel), [])
    const copy = patchedCopy(image, (kernel) =>
      stray(kernel)
        .slice(0, 3)
        .map(({ address }): Patch => {
          const { at, value } = word(kernel, address, 'struct vmap_area', 'vm->flags')
          return [at, value, value | HUGE]
        }),
    )

    it('is no hidden module’s', () => {
      const [before, after] = [image.as('raw'), copy.path].map((path) => opened(path, [], stray))
      expect(before?.length).toBeGreaterThan(5)
      // Before 6.10 modules have a function of their own for it, which shares nothing.
      const shares = before?.some(({ caller }) => caller?.startsWith('execmem_')) === true
      expect(after?.length).toBe((before?.length ?? 0) - (shares ? 3 : 0))
    })
  })
}

describe('a cgroup’s directory whose name is another’s by now', () => {
  const image = sampleOf('docker-debian12')
  const victim = { address: '', path: '' }
  const copy = patchedCopy(image, (kernel, path) => {
    const cgroup = table('cgroups', path).rows.find(({ path: name }) => `${name}`.includes('/docker-'))
    Object.assign(victim, { address: cgroup?.address, path: cgroup?.path })
    const name = word(kernel, BigInt(victim.address), 'struct cgroup', 'kn->name').value
    return texts(kernel, name, 'loop0')
  })

  it('has no path, and says so', () => {
    const { path, heard } = opened(copy.path, [], (kernel, heard) => {
      const batch = kernel.at([BigInt(victim.address)], 'struct cgroup').select({ path: kernfsPath('kn') })
      return { path: batch.column('path').text(0), heard: heard.map(({ code }) => code) }
    })
    expect(victim.path).toMatch(/docker-[0-9a-f]{64}/)
    expect(path).toBeNull()
    expect(heard).toEqual(['torn'])
  })
})
