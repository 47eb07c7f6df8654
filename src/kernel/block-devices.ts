/** Disks, partitions, loop devices and what the device mapper makes of them, by the class of block devices (block/genhd.c). */

import type { Batch } from './batch.js'
import { deviceName } from './device-names.js'
import type { Kernel } from './kernel.js'
import { type Children, dPath, firstOf, list, type None, optional, type Selects, symbolAt, text } from './query.js'

const DEVICE = 'struct device'
/** In bytes (include/linux/blk_types.h). */
const SECTOR = 512
/** GENHD_FL_REMOVABLE (include/linux/blkdev.h). */
const REMOVABLE = 1
/** Majors of drives with discs and of arrays of disks (include/uapi/linux/major.h). */
const KINDS_BY_MAJOR: Readonly<Record<number, string>> = { 9: 'raid', 11: 'rom' }
/** MINORBITS (include/linux/kdev_t.h). */
const MINOR_BITS = 20

/** A disk, a part of one, or what stands for one. */
export interface BlockDevice {
  /** Of its `struct device`. */
  address: bigint
  name: string | null
  /** As lsblk has it: `disk`, `part`, `loop`, `rom`, `raid`, of the device mapper `crypt`, `lvm` and so on. */
  type: string | null
  /** `major:minor`. */
  device: string | null
  size: number | null
  read_only: boolean | null
  removable: boolean | null
  /** The disk that it is a part of. */
  parent: string | null
  /** First byte of a part on its disk. */
  start: number | null
  /** UUID of a part in the table of its disk. */
  part_uuid: string | null
  /** File behind a loop device. */
  backing_file: string | null
  /** Whether the device mapper makes it. */
  is_mapped: boolean
  /** Name and UUID that the device mapper knows it by. */
  mapped_name: string | null
  mapped_uuid: string | null
  /** Devices that it is made of. */
  made_of: string[]
}

/** From 5.11 on a disk's and a part's device are in their `struct block_device`; before, in their `struct hd_struct`. */
const own = (member: string, before: string) => [
  `container_of(, struct block_device, bd_device)->${member}`,
  `container_of(, struct hd_struct, __dev)->${before}`,
]
const disk = (member: string) => [
  `container_of(, struct block_device, bd_device)->bd_disk->${member}`,
  `container_of(, struct gendisk, part0.__dev)->${member}`,
]
/** Members of what a driver keeps of a disk. */
const kept = (type: string, member: string) => disk('private_data').map((path) => `((${type} *)${path})->${member}`)
const cell = (member: string) =>
  kept('dm_mod:struct mapped_device', 'interface_ptr').map((path) => `((dm_mod:struct hash_cell *)${path})->${member}`)
/** Members of the map by which the device mapper makes a device, from its `struct device`. */
export const mappedTable = (member: string) =>
  kept('dm_mod:struct mapped_device', 'map').map((path) => `((dm_mod:struct dm_table *)${path})->${member}`)

const VALUES = {
  name: text('kobj.name', 64),
  device: 'devt',
  parent: text('parent->kobj.name', 64),
  type: symbolAt('type'),
  sectors: [
    ...own('bd_nr_sectors', 'nr_sects'),
    // From 5.11 to 5.15 the size was that of the device's inode.
    'container_of(, struct block_device, bd_device)->bd_inode->i_size >> 9',
  ],
  start: own('bd_start_sect', 'start_sect'),
  // BD_READ_ONLY is the ninth bit of `__bd_flags` from 6.10 on (include/linux/blk_types.h).
  read_only: [
    ...own('bd_read_only', 'policy'),
    'container_of(, struct block_device, bd_device)->__bd_flags.counter >> 8 & 1',
  ],
  flags: disk('flags'),
  // GD_READ_ONLY (include/linux/blkdev.h): of the whole disk.
  disk_read_only: [...disk('state >> 1 & 1'), ...disk('flags & 0')],
  operations: symbolAt(disk('fops')),
} satisfies Selects

/** What only some have, or some kernels. */
const EXTRAS = {
  part_uuid: optional(text(own('bd_meta_info->uuid', 'info->uuid'), 37)),
  backing: optional(dPath(kept('loop:struct loop_device', 'lo_backing_file'))),
  mapped_name: optional(text(cell('name'), 128)),
  mapped_uuid: optional(text(cell('uuid'), 129)),
  targets: optional(mappedTable('num_targets')),
} satisfies Selects

/** Devices that a map of the device mapper is made of. */
const MADE_OF = {
  walk: list(mappedTable('devices'), 'dm_mod:struct dm_dev_internal', 'list'),
  select: { device: 'dm_dev->bdev->bd_dev' },
} as const

/** Every block device, ordered by number. */
export function readBlockDevices(kernel: Kernel): BlockDevice[] {
  const batch = kernel.at(devices(kernel), DEVICE).select(VALUES)
  const rows = Array.from({ length: batch.length }, (_, row) => row)
  const drivenBy = (row: number, driver: string) =>
    isDisk(batch, row) && (batch.column('operations').text(row) ?? '').split(/[ +]/)[0] === driver
  const extras = {
    part: extrasOf(
      kernel,
      batch,
      rows.filter((row) => !isDisk(batch, row)),
    ),
    loop: extrasOf(
      kernel,
      batch,
      rows.filter((row) => drivenBy(row, 'lo_fops')),
    ),
    mapped: extrasOf(
      kernel,
      batch,
      rows.filter((row) => drivenBy(row, 'dm_blk_dops') || drivenBy(row, 'dm_rq_blk_dops')),
    ),
  }
  const found = rows.map((row) => blockDevice(batch, row, extras))
  return found.sort((left, right) => numberOf(left) - numberOf(right))
}

function numberOf({ device }: BlockDevice): number {
  const [major = 0, minor = 0] = (device ?? '').split(':').map(Number)
  return major * 2 ** MINOR_BITS + minor
}

/** The `struct device`s of the class of block devices. */
function devices(kernel: Kernel): bigint[] {
  const [set, wanted] = [kernel.address('class_kset'), kernel.address('block_class')]
  const pointers = kernel.at(set === null ? [] : [set], 'unsigned long').select({ set: '' })
  const sets = set === null ? [] : [pointers.column('set').bigint(0) ?? 0n]
  const classes = kernel
    .at(sets, 'struct kset')
    .walk(list('list', 'struct subsys_private', 'subsys.kobj.entry'))
    .select({ class: 'class' })
  const own = classes.addresses.filter((_, row) => classes.column('class').bigint(row) === wanted)
  const batch = kernel
    .unheard()
    .at(own, 'struct subsys_private')
    .walk(
      firstOf(
        list('klist_devices.k_list', 'struct device_private', 'knode_class.n_node'),
        list('klist_devices.k_list', DEVICE, 'knode_class.n_node'),
      ),
    )
    .select({ device: optional('device') })
  // Before 5.2 the link was in the device itself.
  return Array.from({ length: batch.length }, (_, row) =>
    batch.absent('device') ? batch.address(row) : (batch.column('device').bigint(row) ?? 0n),
  )
}

type Devices = Batch<typeof VALUES>
type Extras = Map<number, Partial<Record<keyof typeof EXTRAS, string | null>> & { made_of: string[] }>

const isDisk = (batch: Devices, row: number) => batch.column('type').text(row) === 'disk_type'

/** What only some devices have: asked of those alone, for of others something else lies in that place. */
function extrasOf(kernel: Kernel, devices: Devices, rows: readonly number[]): Extras {
  const addresses = rows.map((row) => devices.address(row))
  const batch = askDevices(kernel, addresses, EXTRAS)
  const isMapped = !batch.absent('targets')
  const made = isMapped && rows.length > 0 ? madeOf(askDevices(kernel, addresses, {}, { parts: MADE_OF })) : []
  return new Map(
    rows.map((row, index) => {
      const texts = (['part_uuid', 'backing', 'mapped_name', 'mapped_uuid'] as const).map((name) => [
        name,
        batch.column(name).text(index),
      ])
      return [row, { ...Object.fromEntries(texts), made_of: made[index] ?? [] }]
    }),
  )
}

/** What some devices have. A walk is asked only of a kernel that has its types. */
export function askDevices<S extends Selects, C extends Children = None>(
  kernel: Kernel,
  addresses: readonly bigint[],
  select: S,
  children?: C,
) {
  return kernel
    .unheard()
    .at(addresses, DEVICE)
    .select(select, children ?? ({} as C))
}

function madeOf(owners: Batch<Selects, { parts: typeof MADE_OF }>): string[][] {
  const batch = owners.child('parts')
  const made = Array.from({ length: owners.length }, (): string[] => [])
  for (let row = 0; row < batch.length; row++) {
    const device = deviceName(batch.column('device').number(row))
    if (device !== null) made[batch.parents[row] ?? 0]?.push(device)
  }
  return made
}

function blockDevice(
  batch: Devices,
  row: number,
  extras: Readonly<Record<'part' | 'loop' | 'mapped', Extras>>,
): BlockDevice {
  const isWhole = isDisk(batch, row)
  const [part, loop, mapped] = [extras.part.get(row), extras.loop.get(row), extras.mapped.get(row)]
  const bytes = (name: 'sectors' | 'start') => {
    const sectors = batch.column(name).number(row)
    return sectors === null ? null : sectors * SECTOR
  }
  const flag = (name: 'read_only' | 'disk_read_only') => batch.column(name).number(row)
  const flags = batch.column('flags').number(row)
  const number = batch.column('device').number(row)
  const uuid = mapped?.mapped_uuid ?? null
  return {
    address: batch.address(row),
    name: batch.column('name').text(row),
    type: typeOf(number, isWhole, loop !== undefined, mapped === undefined ? null : (uuid ?? '')),
    device: deviceName(number),
    size: bytes('sectors'),
    read_only: flag('read_only') === null ? null : flag('read_only') !== 0 || (isWhole && flag('disk_read_only') !== 0),
    removable: flags === null || !isWhole ? null : (flags & REMOVABLE) !== 0,
    parent: isWhole ? null : batch.column('parent').text(row),
    start: isWhole ? null : bytes('start'),
    part_uuid: part?.part_uuid || null,
    backing_file: loop?.backing ?? null,
    is_mapped: mapped !== undefined,
    mapped_name: mapped?.mapped_name ?? null,
    mapped_uuid: uuid,
    made_of: mapped?.made_of ?? [],
  }
}

/** `mapped` is the UUID of what the device mapper makes: it begins with what has asked for it. */
function typeOf(number: number | null, isWhole: boolean, isLoop: boolean, mapped: string | null): string {
  if (!isWhole) return 'part'
  if (isLoop) return 'loop'
  if (mapped !== null) return /^([A-Za-z]+)-/.exec(mapped)?.[1]?.toLowerCase() ?? 'dm'
  return KINDS_BY_MAJOR[(number ?? 0) >>> MINOR_BITS] ?? 'disk'
}
