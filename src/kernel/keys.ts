/** `struct key`: keys and keyrings that the kernel holds (security/keys/key.c, security/keys/proc.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { KEY } from './objects.js'
import { bytes, rbtree, type Selects, text } from './query.js'

/** A key. */
export interface Key {
  /** Of the `struct key`. */
  address: bigint
  serial: number | null
  type: string | null
  description: string | null
  /** Words for what state it is in and whose quota it counts for. */
  flags: string[]
  /** How often it is held. */
  uses: number | null
  uid: number | null
  gid: number | null
  /** Eight hexadecimal digits. */
  permissions: string | null
  /** Seconds since 1970; null if never. */
  expires: bigint | null
  /** Keys in a keyring; null for any other. */
  members: number | null
  /** What a program gave it to keep; null where a type keeps something else. */
  payload: Uint8Array | null
}

/** From bit 0 on (KEY_FLAG_…, include/linux/key.h). */
const FLAGS = [
  'dead',
  'revoked',
  'in-quota',
  'in-construction',
  'root-can-clear',
  'invalidated',
  'built-in',
  'root-can-invalidate',
  'kept',
  'uid-keyring',
]
/** Types whose payload is a `struct user_key_payload`. */
const USER_TYPES: ReadonlySet<string | null> = new Set(['user', 'logon'])
const KEYRING = 'keyring'
/** What a program may give at most (keyctl_instantiate_key_common is less for users). */
const MOST_BYTES = 1 << 16
/** Never: 0, and from 6.7 on TIME64_MAX. */
const NEVER: ReadonlySet<bigint | null> = new Set([0n, (1n << 63n) - 1n])

const COLUMNS = {
  serial: 'serial',
  type: text('type->name', 64),
  description: text('description', 4096),
  flags: 'flags',
  state: 'state',
  uses: 'usage.refs.counter',
  uid: 'uid.val',
  gid: 'gid.val',
  permissions: 'perm',
  expires: 'expiry',
  members: 'keys.nr_leaves_on_tree',
} satisfies Selects

/** Every key by its serial number, lowest first. */
export function readKeys(kernel: Kernel): Key[] {
  if (kernel.address('key_serial_tree') === null) return []
  const keys = kernel
    .symbol('key_serial_tree', 'struct rb_root')
    .walk(rbtree('', KEY, 'serial_node'))
    .select(COLUMNS)
  const payloads = readPayloads(kernel, keys)
  return Array.from({ length: keys.length }, (_, row) => {
    const expires = keys.column('expires').bigint(row)
    const permissions = keys.column('permissions').number(row)
    const type = keys.column('type').text(row)
    return {
      address: keys.address(row),
      serial: keys.column('serial').number(row),
      type,
      description: keys.column('description').text(row),
      flags: flagsOf(keys.column('flags').number(row), keys.column('state').number(row)),
      uses: keys.column('uses').number(row),
      uid: keys.column('uid').number(row),
      gid: keys.column('gid').number(row),
      permissions: permissions === null ? null : permissions.toString(16).padStart(8, '0'),
      expires: NEVER.has(expires) ? null : expires,
      members: type === KEYRING ? keys.column('members').number(row) : null,
      payload: payloads.get(keys.address(row)) ?? null,
    }
  })
}

/** A key that has no value yet has state 0; one that stands for there being none, the error that it gives. */
function flagsOf(flags: number | null, state: number | null): string[] {
  const words = flags === null ? [] : FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0)
  if (state === 0) words.push('without-value')
  if (state !== null && state < 0) words.push('negative')
  return words
}

function readPayloads(kernel: Kernel, keys: Batch<typeof COLUMNS>): Map<bigint, Uint8Array | null> {
  const rows = [...keys.addresses.keys()].filter((row) => USER_TYPES.has(keys.column('type').text(row)))
  const own = '((struct user_key_payload *)payload.data[0])'
  const found = kernel
    .at(
      rows.map((row) => keys.address(row)),
      KEY,
    )
    .select({ payload: bytes(`((char *)${own}->data)`, { length: `${own}->datalen`, max: MOST_BYTES }) })
  return new Map(rows.map((row, index) => [keys.address(row), found.column('payload').bytes(index)]))
}
