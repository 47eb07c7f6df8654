/** `struct crypt_config`: what the device mapper encrypts, and by which key (drivers/md/dm-crypt.c). */

import type { Batch } from './batch.js'
import { askDevices, type BlockDevice, mappedTable, readBlockDevices } from './block-devices.js'
import { deviceName } from './device-names.js'
import type { Kernel } from './kernel.js'
import { array, bytes, optional, text } from './query.js'

/** Targets of one map: each has a stretch of the device. */
const MOST_TARGETS = 1 << 12
/** Bytes of a key, and of the keys of several ciphers together: far more than any cipher takes. */
const LONGEST_KEY = 1 << 12
const SECTOR = 512

/** A stretch of a device that is encrypted. */
export interface Encrypted {
  /** Of the `struct dm_target`. */
  address: bigint
  device: BlockDevice
  /** As dm-crypt takes it: `aes-xts-plain64`. */
  cipher: string | null
  /** In bytes. */
  key_size: number | null
  key: Uint8Array | null
  /** Where the key came from, where that was a keyring: `:64:logon:cryptsetup:…`. */
  key_description: string | null
  /** Added to the number of a sector for its initialization vector. */
  iv_offset: number | bigint | null
  /** Of the blocks that are encrypted one by one. */
  sector_size: number | null
  /** Where it begins and ends on the device. */
  start: number | null
  size: number | null
  /** What it lies on, as `major:minor`, and where there. */
  lies_on: string | null
  lies_at: number | null
}

const crypt = (member: string) => `((dm_crypt:struct crypt_config *)private)->${member}`

const TARGETS = {
  walk: array(mappedTable('targets'), { count: mappedTable('num_targets'), most: MOST_TARGETS }),
  select: {
    kind: text('type->name', 32),
    begin: 'begin',
    length: 'len',
    cipher: optional(text(crypt('cipher_string'), 256)),
    key_size: optional(crypt('key_size')),
    key: optional(bytes(crypt('key'), { length: crypt('key_size'), max: LONGEST_KEY })),
    key_description: optional(text(crypt('key_string'), 512)),
    iv_offset: optional(crypt('iv_offset')),
    sector_size: optional(crypt('sector_size')),
    lies_on: optional(crypt('dev->bdev->bd_dev')),
    lies_at: optional(crypt('start')),
  },
} as const

/** Everything that is encrypted by dm-crypt, by the number of its device. */
export function readEncrypted(kernel: Kernel): Encrypted[] {
  const devices = readBlockDevices(kernel).filter(({ is_mapped }) => is_mapped)
  const addresses = devices.map(({ address }) => address)
  // A kernel without the device mapper has none of its types, and maps nothing.
  const known = askDevices(kernel, addresses, { targets: optional(mappedTable('num_targets')) })
  if (known.absent('targets')) return []
  const batch = askDevices(kernel, addresses, {}, { targets: TARGETS }).child('targets')
  const rows = Array.from({ length: batch.length }, (_, row) => row)
  const found = rows.filter((row) => batch.column('kind').text(row) === 'crypt')
  if (found.length > 0 && batch.absent('cipher')) {
    const message = 'this kernel has no types of dm_crypt: of what is encrypted only the place is known'
    kernel.warn({ code: 'absent', message })
  }
  return found.flatMap((row) => {
    const device = devices[batch.parents[row] ?? 0]
    return device === undefined ? [] : [encrypted(batch, row, device)]
  })
}

function encrypted(batch: Batch<(typeof TARGETS)['select']>, row: number, device: BlockDevice): Encrypted {
  const inBytes = (name: 'begin' | 'length' | 'lies_at') => {
    const sectors = batch.column(name).number(row)
    return sectors === null ? null : sectors * SECTOR
  }
  return {
    address: batch.address(row),
    device,
    cipher: batch.column('cipher').text(row),
    key_size: batch.column('key_size').number(row),
    key: batch.column('key').bytes(row),
    key_description: batch.column('key_description').text(row),
    iv_offset: batch.column('iv_offset').exact(row),
    sector_size: batch.column('sector_size').number(row),
    start: inBytes('begin'),
    size: inBytes('length'),
    lies_on: deviceName(batch.column('lies_on').number(row)),
    lies_at: inBytes('lies_at'),
  }
}
