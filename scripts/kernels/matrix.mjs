// One kernel: its guest is booted, recorded and dumped, and all tables are held against the record.
import { closeSync, existsSync, openSync, readSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { tablesOf } from '../all-tables.mjs'
import { buildKernel } from './build.mjs'
import { compare, verdict } from './compare.mjs'
import { makeBoot } from './initramfs.mjs'
import { mixDumps } from './mix.mjs'
import { output } from './packages.mjs'
import { Guest } from './qemu.mjs'
import { Record } from './record.mjs'
import { TABLES } from './tables/index.mjs'
import { tornCells } from './torn.mjs'

const RECORD_MIB = 64
const SECONDS_TO_BOOT = 1800
const BUSY_SECONDS = 12
/** Of a hundred pages of a torn image, so many are of another moment. */
const TORN_PERCENT = 5
const SECONDS_PER_TABLE = 60
/** Differences of a table to print. */
const SHOWN = 8

/** Every table of an image by its name, by symbols and types of a file where one is given. */
const imageTables = (image, symbols) =>
  tablesOf(image, `${image}.json`, SECONDS_PER_TABLE, symbols === null ? [] : ['--symbols', symbols])

const IMAGES = ['quiet', 'busy-a', 'busy-b', 'torn']
const imageIn = (folder, name) => join(folder, `${name}.elf`)

/** Boots the guest and dumps it: at rest after its record, and twice while it is busy. */
async function dumps(kernel, folder, busy) {
  const image = (name) => imageIn(folder, name)
  writeFileSync(join(folder, 'record'), '')
  truncateSync(join(folder, 'record'), RECORD_MIB << 20)
  const guest = await Guest.boot(kernel, folder)
  try {
    await guest.says('GUEST-READY', SECONDS_TO_BOOT)
    await guest.dump(image('quiet'), { last: !busy })
    if (!busy) return
    guest.step()
    await guest.says('GUEST-BUSY', SECONDS_TO_BOOT)
    await sleep(1000 * BUSY_SECONDS)
    await guest.dump(image('busy-a'))
    await sleep(1000 * BUSY_SECONDS)
    await guest.dump(image('busy-b'), { last: true })
  } finally {
    await guest.end()
  }
  mixDumps(image('busy-a'), image('busy-b'), image('torn'), TORN_PERCENT)
}

/** How a kernel's own types begin, and those of its modules: magic, version, flags and the header's length. */
const TYPES = Buffer.from([0x9f, 0xeb, 1, 0, 24, 0, 0, 0])
const HEADER = 24
const BLOCK = 16 << 20

/** Writes zeros over the header of all types in an image: then it has none. */
function wipeTypes(image) {
  const file = openSync(image, 'r+')
  const block = Buffer.alloc(BLOCK + TYPES.length)
  for (let start = 0, length = 1; length > 0; start += BLOCK) {
    length = readSync(file, block, 0, block.length, start)
    const read = block.subarray(0, length)
    for (let at = read.indexOf(TYPES); at >= 0; at = read.indexOf(TYPES, at + 1))
      writeSync(file, Buffer.alloc(HEADER), 0, HEADER, start + at)
  }
  closeSync(file)
}

/** What salvor itself says it could not bear out, where nothing was torn. */
const doubts = (warnings) => warnings.filter(({ code }) => code === 'torn' || code === 'unreadable')

/** A cell for each table of the image at rest. */
export function quietCells(record, tables) {
  const boot = Date.parse(tables.get('info')?.rows[0]?.boot_time)
  const cells = {}
  for (const [name, { rows, warnings }] of tables) {
    const doubted = doubts(warnings).length > 0 ? ', doubts' : ''
    if (TABLES[name] === undefined) {
      cells[name] = { text: `runs ${rows.length}${doubted}`, lines: doubts(warnings).map(({ message }) => message) }
      continue
    }
    const found = compare(TABLES[name](record, { boot }), rows)
    cells[name] = {
      text: `${verdict(found, warnings)}${doubted}`,
      lines: [...found.wrong, ...found.lost, ...doubts(warnings).map(({ message }) => message)],
    }
  }
  for (const name of Object.keys(TABLES)) cells[name] ??= { text: 'missing', lines: ['no such table came'] }
  return cells
}

function show(title, cells) {
  for (const [name, { text, lines }] of Object.entries(cells)) {
    if (lines.length === 0) continue
    process.stdout.write(
      `${title}: ${name}: ${text}\n${lines
        .slice(0, SHOWN)
        .map((line) => `    ${line.slice(0, 300)}\n`)
        .join('')}`,
    )
  }
}

/** Boots a kernel's guest and leaves its record and images in a folder; what is built lies below `builds`. */
export async function acquire(kernel, packages, folder, builds, { busy }) {
  const unpackKernel =
    kernel.source === undefined ? packaged(kernel, packages) : built(kernel, packages, folder, builds)
  makeBoot(kernel, unpackKernel, packages.fetch('busybox-static', kernel.arch), folder)
  await dumps(kernel, folder, busy)
  if (kernel.noTypes !== true || kernel.source !== undefined) return
  packages.debugKernel(kernel.package, kernel.arch, folder)
  for (const name of IMAGES) if (existsSync(imageIn(folder, name))) wipeTypes(imageIn(folder, name))
}

/** How to unpack the packages of a kernel. */
function packaged(kernel, packages) {
  const files = kernel.deb === undefined ? packages.kernel(kernel.package, kernel.arch) : [kernel.deb]
  return (into) => {
    for (const file of files) output('dpkg-deb', ['-x', file, into])
  }
}

/** The same of a kernel that is built, with its types beside the images where they have none. */
function built(kernel, packages, folder, builds) {
  const from = buildKernel(kernel, packages.fetch(kernel.source, 'amd64'), join(builds, basename(folder)))
  if (kernel.noTypes === true) output('cp', [join(from, 'vmlinux'), folder])
  return (into) => output('cp', ['-a', join(from, 'boot'), join(from, 'lib'), into])
}

/** The cells of one kernel, of what `acquire` left: `{ kernel, release, quiet, torn }`. */
export function evaluate(kernel, folder, declared) {
  const record = Record.read(join(folder, 'record'))
  const symbols = kernel.noTypes === true ? join(folder, 'vmlinux') : null
  const read = (image) => imageTables(image, symbols)
  const tables = read(imageIn(folder, 'quiet'))
  const quiet = quietCells(record, tables)
  show(`${kernel.name}, quiet`, quiet)
  const twins = IMAGES.slice(1).map((name) => imageIn(folder, name))
  const torn = twins.every((image) => existsSync(image)) ? tornCells(declared, ...twins.map(read)) : null
  if (torn !== null) show(`${kernel.name}, torn`, torn)
  const exact = Object.values(quiet).filter(({ text }) => text.startsWith('exact')).length
  process.stdout.write(
    `${kernel.name}: ${exact} tables exact of ${Object.keys(TABLES).length} that the record tells of\n`,
  )
  return { kernel, release: tables.get('info')?.rows[0]?.release, quiet, torn }
}
