/** Tables by symbols and types from files, which are those by the image's own; and what is not of the image's kernel. */

import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { bytes } from '../../dist/src/kernel/query.js'
import { armSamples, SALVOR, samples, sharedImages, type TruthImage } from './images.js'
import { patchedCopy } from './patched.js'
import { dwarfOf, isfOf, mapOf, type NamedAddress } from './symbol-files.js'

/** Tables that all samples have the pages of. */
const EVERYWHERE = ['processes', 'threads', 'namespaces', 'cgroups', 'containers']
/** Of shared images also what reads structures of many kinds, and of modules. */
const MANY = [...EVERYWHERE, 'open-files', 'mounts', 'sockets', 'modules', 'kernel-settings', 'firewall', 'memory-maps']

/** Bytes that are read at a time: a page, for a sample may lack the next. */
const PIECE = 4096

interface Own {
  release: string
  banner: string
  buildId: string
  btf: Buffer
  symbols: NamedAddress[]
}

/** What a kernel has of itself. */
function ownOf(path: string): Own {
  const kernel = Kernel.attach(Kernel.open(path, { cacheDir: null }).id, () => {})
  const [start = 0n, stop = 0n] = ['__start_BTF', '__stop_BTF'].map((name) => kernel.address(name) ?? 0n)
  const places: bigint[] = []
  const skipped = start % BigInt(PIECE)
  for (let at = start - skipped; at < stop; at += BigInt(PIECE)) places.push(at)
  const section = kernel.at(places, 'char').select({ bytes: bytes('', { length: PIECE }) })
  const pieces = places.map((_, at) => section.column('bytes').bytes(at) ?? [])
  const { addresses, names, letters, modules } = kernel.symbols()
  const symbols = names.map((name, at) => ({ name, address: addresses[at] ?? 0n, type: letters[at] ?? '?' }))
  const { release, banner, build_id } = kernel.info
  kernel.close()
  return {
    release,
    banner,
    buildId: build_id ?? '',
    btf: Buffer.concat(pieces.map((piece) => Buffer.from(piece))).subarray(
      Number(skipped),
      Number(skipped + stop - start),
    ),
    symbols: symbols.filter((_, at) => modules[at] === null),
  }
}

interface Ran {
  status: number | null
  stdout: string
  stderr: string
}

const folder = mkdtempSync(join(tmpdir(), 'salvor-symbols-'))
afterAll(() => rmSync(folder, { recursive: true }))

function run(analyzer: string, image: string, ...options: string[]): Ran {
  const args = [SALVOR, analyzer, image, '--format', 'json', '--cache-dir', join(folder, 'cache'), ...options]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 30 })
  return { status, stdout, stderr }
}

function rowsOf({ stdout, stderr }: Ran): unknown[] {
  if (stdout === '') throw new Error(stderr)
  return (JSON.parse(stdout) as { rows: unknown[] }).rows
}

/** Rows of several tables out of one opening, by the tables' names. */
function tablesOf(analyzers: readonly string[], image: string, ...options: string[]): Map<string, unknown[]> {
  const [first = '', ...others] = analyzers
  const { stdout, stderr } = run('run', first, ...others, image, ...options)
  if (stdout === '') throw new Error(stderr)
  const tables = JSON.parse(stdout) as { table: string; rows: unknown[] }[]
  return new Map(tables.map(({ table, rows }) => [table, rows]))
}

function write(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** Symbols as a build has them, wherever the kernel was loaded: addresses with the text at its place before KASLR. */
function built(symbols: readonly NamedAddress[]): NamedAddress[] {
  const text = symbols.find(({ name }) => name === '_text')?.address ?? 0n
  const move = 0xffff_ffff_8100_0000n - text
  return symbols.map((symbol) =>
    symbol.address >> 63n === 1n ? { ...symbol, address: symbol.address + move } : symbol,
  )
}

/** Files of each form, made of an image's own kernel. */
function filesOf(name: string, own: Own): { isf: string; dwarf: string; packed: string; btf: string; map: string } {
  const symbols = built(own.symbols)
  return {
    isf: write(`${name}.json.gz`, gzipSync(isfOf(own.btf, own.banner, symbols), { level: 1 })),
    dwarf: write(`vmlinux-${name}`, dwarfOf(own.btf, own.buildId, symbols, { compressed: false })),
    packed: write(`vmlinux-${name}.debug`, dwarfOf(own.btf, own.buildId, symbols, { compressed: true })),
    btf: write(`${own.release}.btf`, own.btf),
    map: write(`System.map-${own.release}`, mapOf(symbols)),
  }
}

/** Writes other bytes over some, wherever these are in the kernel's image; how often that was. */
function overwrite(path: string, kernel: Kernel, old: Buffer, bytes: Buffer): number {
  const LONGEST = 128 << 20
  const file = openSync(path, 'r+')
  const from = Number(kernel.info.kernel_physical)
  const image = Buffer.alloc(LONGEST)
  const read = readSync(file, image, 0, LONGEST, from)
  let written = 0
  for (let at = image.indexOf(old); at >= 0 && at < read; at = image.indexOf(old, at + 1)) {
    writeSync(file, bytes, 0, bytes.length, from + at)
    written++
  }
  closeSync(file)
  return written
}

/** Writes zeros over what begins with some bytes, wherever that is in the kernel's image; how often that was. */
const wipe = (path: string, kernel: Kernel, start: Buffer, length: number) =>
  overwrite(path, kernel, start, Buffer.alloc(length))

/** Whose address is forged: every process is looked for from there. */
const FORGED = 'init_pid_ns'

/**
 * Makes the kernel's own table of symbols say that one lies 8 bytes further. Addresses are kept as distances from `_text`,
 * as negative numbers less one where those of processors' data are kept as they are (scripts/kallsyms.c).
 */
function forge(path: string, kernel: Kernel): number {
  const { addresses, names, modules } = kernel.symbols()
  const own = [...addresses].filter((_, at) => modules[at] === null)
  const at = names.indexOf(FORGED)
  const text = kernel.address('_text') ?? 0n
  const words = (move: bigint, form: (distance: bigint) => bigint) => {
    const bytes = Buffer.alloc(16)
    for (let near = 0; near < 4; near++) {
      const distance = (own[at - 1 + near] ?? 0n) - text + (near === 1 ? move : 0n)
      bytes.writeUInt32LE(Number(BigInt.asUintN(32, form(distance))), near * 4)
    }
    return bytes
  }
  const forms = [(distance: bigint) => -1n - distance, (distance: bigint) => distance]
  return forms.reduce((count, form) => count + overwrite(path, kernel, words(0n, form), words(8n, form)), 0)
}

const BTF_HEADER_LENGTH = 24

/** The header of the kernel's own BTF: with its lengths it is no module's. */
function btfHeader(kernel: Kernel): Buffer {
  const start = [kernel.address('__start_BTF') ?? 0n]
  const header = kernel.at(start, 'char').select({ bytes: bytes('', { length: BTF_HEADER_LENGTH }) })
  return Buffer.from(header.column('bytes').bytes(0) ?? [])
}

/** The digits among the tokens of kallsyms, without which no table of symbols is found. */
const DIGITS = Buffer.from('0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00', 'latin1')

function suite(image: TruthImage, analyzers: readonly string[]): void {
  describe(image.title, () => {
    image.require()
    const [format = 'lime'] = image.formats
    const few = analyzers.filter((analyzer) => EVERYWHERE.includes(analyzer))
    let own: Own
    let files: ReturnType<typeof filesOf>
    let expected = new Map<string, unknown[]>()
    const withoutTypes = patchedCopy(image, (kernel, copy) => {
      expect(wipe(copy, kernel, btfHeader(kernel), BTF_HEADER_LENGTH)).toBeGreaterThan(0)
      return []
    })
    const withoutSymbols = patchedCopy(image, (kernel, copy) => {
      expect(wipe(copy, kernel, DIGITS, DIGITS.length)).toBeGreaterThan(0)
      return []
    })
    const withoutBanner = patchedCopy(image, (kernel, copy) => {
      const banner = Buffer.from(kernel.info.banner)
      expect(overwrite(copy, kernel, banner, Buffer.from('Lunix'))).toBeGreaterThan(0)
      return []
    })
    const withForged = patchedCopy(image, (kernel, copy) => {
      expect(forge(copy, kernel)).toBe(1)
      return []
    })
    const withoutBoth = patchedCopy(image, (kernel, copy) => {
      expect(wipe(copy, kernel, DIGITS, DIGITS.length)).toBeGreaterThan(0)
      expect(wipe(copy, kernel, btfHeader(kernel), BTF_HEADER_LENGTH)).toBeGreaterThan(0)
      return []
    })
    beforeAll(() => {
      if (image.missing) return
      own = ownOf(image.as(format))
      files = filesOf(image.name, own)
      expected = tablesOf(analyzers, image.as(format))
    }, 240_000)

    /** A cache folder that no image of this build has left anything in. */
    const alone = (): string[] => ['--cache-dir', mkdtempSync(join(folder, 'alone-'))]

    /** Every table by these files is the one by the image's own. */
    function hold(path: string, given: readonly string[], which = analyzers, options: readonly string[] = []): void {
      const files = given.flatMap((file) => ['--symbols', file])
      const tables = tablesOf(which, path, ...files, ...options)
      for (const analyzer of which) {
        const known = expected.get(analyzer) ?? []
        expect(known.length, analyzer).toBeGreaterThan(0)
        expect(tables.get(analyzer), analyzer).toEqual(known)
      }
    }

    it('has the same tables by types of an intermediate symbol file, of DWARF and of BTF', () => {
      for (const file of [files.isf, files.dwarf, files.packed, files.btf]) hold(image.as(format), [file])
      const [from = {}] = rowsOf(run('info', image.as(format), '--symbols', files.dwarf)) as Record<string, unknown>[]
      expect(from).toMatchObject({ types_from: `dwarf vmlinux-${image.name}`, symbols_from: 'kallsyms' })
    }, 240_000)

    it('names what to fetch where the types were wiped, and has the same tables by a file of them', () => {
      const failed = run('processes', withoutTypes.path, ...alone())
      expect(failed.status).toBe(4)
      expect(failed.stderr).toMatch(
        /no BTF .* linux-image-[^ ]*-dbg, version [^ ]+, from Debian.*build id [0-9a-f]{40}\n$/,
      )
      for (const file of [files.isf, files.dwarf, files.btf]) hold(withoutTypes.path, [file], few)
      // What is asked of modules builds on the kernel's own BTF.
      hold(withoutTypes.path, [files.btf])
      const partial = run('processes', withoutTypes.path, '--symbols', files.dwarf, ...alone())
      expect(partial.stderr).toContain("types of modules are not known: they build on the kernel's own BTF")
    }, 240_000)

    it('has the same tables by symbols of a file where its own were wiped', () => {
      const partial = run('processes', withoutSymbols.path, ...alone())
      // Where structures tell enough, rows are right and lack what only symbols lead to; else there are none.
      expect([4, 5]).toContain(partial.status)
      expect(partial.stderr).toContain('give by --symbols: ')
      if (partial.status === 5) {
        const known = (expected.get('processes') ?? []) as Record<string, unknown>[]
        expect(rowsOf(partial)).toEqual(known.map((row) => ({ ...row, started: null })))
      }
      for (const file of [files.map, files.isf, files.packed]) hold(withoutSymbols.path, [file], few)
      const ran = run('info', withoutSymbols.path, '--symbols', files.map, ...alone())
      expect(rowsOf(ran)).toMatchObject([{ symbols_from: `map System.map-${own.release}`, types_from: 'btf' }])
      expect(ran.stderr).toContain(`symbols are those of map System.map-${own.release}`)
    }, 240_000)

    it('has the same tables where the banner was overwritten, and says what the release is from', () => {
      hold(withoutBanner.path, [], few)
      const ran = run('info', withoutBanner.path)
      expect(rowsOf(ran)).toMatchObject([{ release: own.release, symbols_from: 'kallsyms' }])
      expect(ran.stderr).toContain("the kernel's banner was overwritten")
    }, 240_000)

    it('has the same tables by a file of symbols where the kernel’s own were forged in the image', () => {
      hold(withForged.path, [files.map], few)
      const { stderr } = run('info', withForged.path, '--symbols', files.map)
      expect(stderr).toMatch(/own table of symbols says other than .*: 1 of \d+ symbols, init_pid_ns by 8 bytes/)
    }, 240_000)

    it('leaves no forged symbols in the cache folder for other images of the same build', () => {
      const cache = ['--cache-dir', join(folder, `cache-${image.name}`)]
      run('processes', withForged.path, ...cache)
      expect(rowsOf(run('processes', image.as(format), ...cache))).toEqual(expected.get('processes'))
    }, 240_000)

    it('has the same tables by what an image of the same build has left in the cache folder, and says so', () => {
      for (const path of [withoutTypes.path, withoutSymbols.path, withoutBoth.path]) {
        hold(path, [], few)
        const { status, stderr } = run('processes', path)
        expect(status).toBe(5)
        expect(stderr).toContain('are those of another image of the same build, which were kept')
      }
    }, 240_000)

    it('has the same tables where both were wiped, by files in the cache folder too', () => {
      for (const given of [[files.isf], [files.dwarf], [files.btf, files.map]])
        hold(withoutBoth.path, given, few, alone())
      const cache = mkdtempSync(join(folder, 'files-'))
      const kept = join(cache, 'symbols')
      mkdirSync(kept, { recursive: true })
      expect(run('processes', withoutBoth.path, '--cache-dir', cache).status).toBe(4)
      for (const [name, file] of [
        [`${own.release}.btf`, own.btf],
        [`System.map-${own.release}`, mapOf(built(own.symbols))],
      ] as const)
        writeFileSync(join(kept, name), file)
      hold(withoutBoth.path, [], few, ['--cache-dir', cache])
    }, 240_000)

    it('finds a file by its build id in a folder, as debuggers do', () => {
      const below = join(folder, `debug-${image.name}`, '.build-id', own.buildId.slice(0, 2))
      mkdirSync(below, { recursive: true })
      writeFileSync(
        join(below, `${own.buildId.slice(2)}.debug`),
        dwarfOf(own.btf, own.buildId, built(own.symbols), { compressed: true }),
      )
      const [info = {}] = rowsOf(
        run('info', image.as(format), '--symbols', join(folder, `debug-${image.name}`)),
      ) as Record<string, unknown>[]
      expect(info.types_from).toBe(`dwarf ${own.buildId.slice(2)}.debug`)
    }, 240_000)

    it('refuses by name what is of another kernel, and says of which', () => {
      const other = own.banner.replace(own.release, '5.4.0-1-other')
      const id = 'ab'.repeat(20)
      const moved = built(own.symbols).map((symbol) =>
        symbol.name === 'linux_banner' ? { ...symbol, address: symbol.address + 64n } : symbol,
      )
      const refused: [string, RegExp][] = [
        [
          write('other.json', isfOf(own.btf, other, built(own.symbols))),
          /other\.json is for 'Linux version 5\.4\.0-1-other /,
        ],
        [
          write('other.debug', dwarfOf(own.btf, id, [], { compressed: false })),
          /other\.debug is for build id (ab){20}, and/,
        ],
        [write('System.map-other', mapOf(moved)), /System\.map-other: its symbols lie elsewhere than those of /],
        [write('cut.btf', own.btf.subarray(0, own.btf.length - 100)), /cut\.btf: not valid BTF/],
        [write('notes.txt', 'nothing'), /notes\.txt: no file of symbols or types that is known/],
      ]
      for (const [file, why] of refused) {
        const { status, stdout, stderr } = run('processes', image.as(format), '--symbols', file)
        expect(stderr).toMatch(why)
        expect(stderr.trim()).not.toContain('\n')
        expect([status === 0, stdout]).toEqual([false, ''])
      }
      const [info = {}] = rowsOf(
        run('info', image.as(format), '--symbols', join(folder, 'other.json'), '--symbols', files.btf),
      ) as Record<string, unknown>[]
      expect(info.types_from).toBe(`btf ${own.release}.btf`)
    }, 240_000)

    it('believes a file of symbols before the kernel’s own where these were forged, and says so', () => {
      const forged = built(own.symbols).map((symbol) =>
        symbol.name === 'init_pid_ns' ? { ...symbol, address: symbol.address + 8n } : symbol,
      )
      const ran = run('info', image.as(format), '--symbols', write(`forged-${image.name}.map`, mapOf(forged)))
      expect(ran.stderr).toMatch(/own table of symbols says other than .*: 1 of \d+ symbols, init_pid_ns by -8 bytes/)
      expect(rowsOf(ran)).toMatchObject([{ symbols_from: `map forged-${image.name}.map` }])
    }, 240_000)
  })
}

for (const image of samples()) suite(image, EVERYWHERE)
for (const image of armSamples()) suite(image, ['processes', 'threads'])
for (const image of sharedImages()) suite(image, MANY)
