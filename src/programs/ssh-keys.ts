/**
 * Keys of SSH connections, from the heap of an OpenSSH server or client.
 *
 * `struct newkeys` begins with `struct sshenc` {char *name; const struct sshcipher *cipher; int enabled; u_int key_len,
 * iv_len, block_size; u_char *key, *iv} (kex.h, since OpenSSH 6.2), and `struct sshcipher` with {char *name; u_int
 * block_size, key_len, iv_len} (cipher.c). The state of a connection holds pointers to its two, first the one for what
 * comes in (packet.c, `newkeys[MODE_MAX]`).
 */

import type { Kernel } from '../kernel/kernel.js'
import { type Memory, type Program, readPrograms, within } from './memory.js'

/** Ciphers that OpenSSH has or had (cipher.c). */
const CIPHERS = [
  'chacha20-poly1305@openssh.com',
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
  'aes128-cbc',
  'aes192-cbc',
  'aes256-cbc',
  '3des-cbc',
  'none',
]
const WORD = 8
const SSHENC = 48
const SSHCIPHER = 20
/** The longest key is that of chacha20-poly1305, 64 bytes; the longest block and IV are 16. */
const LONGEST_KEY = 64
const LONGEST_IV = 64
/** Of one program: names of ciphers and pointers to them that are looked at, and keys that it gives. */
const MOST_NAMES = 1 << 16
const MOST_KEYS = 1 << 10

/** The key for one direction of a connection. */
export interface SshKey {
  /** Of the `struct newkeys`. */
  readonly address: bigint
  /** The task whose memory it is in. */
  readonly task: bigint
  readonly cipher: string
  /** `in` for what this process reads, `out` for what it writes; null where nothing says which. */
  readonly direction: 'in' | 'out' | null
  /** Null where it is not in memory. */
  readonly key: Uint8Array | null
  readonly iv: Uint8Array | null
}

/** The keys in the memory of some tasks, in their order. Nobody else's memory is looked at than that of SSH's programs. */
export function readSshKeys(kernel: Kernel, tasks: readonly bigint[]): SshKey[] {
  return [...readPrograms(kernel, tasks)].flatMap(([task, program]) => {
    const keys = keysOf(program)
    return keys
      .slice(0, kernel.capped('keys of one SSH program', keys.length, MOST_KEYS))
      .map((key) => ({ ...key, task }))
  })
}

type Found = Omit<SshKey, 'task'>

/** The keys of one program, by ascending addresses. */
export function keysOf(program: Program): Found[] {
  const { memory, anonymous } = program
  const names = new Map<bigint, string>()
  for (const { address, which } of memory.find(
    CIPHERS.map((name) => `${name}\0`),
    { ranges: anonymous },
  )) {
    names.set(address, CIPHERS[which] ?? '')
    if (names.size >= MOST_NAMES) break
  }
  const starts = [...names.keys()]
  const keys = new Map<bigint, Found>()
  for (const { address, which } of memory.findWords(starts, { ranges: anonymous })) {
    const cipher = names.get(starts[which] ?? 0n) ?? ''
    const key = keyAt(program, address, cipher)
    if (key !== null) keys.set(address, key)
    if (keys.size > MOST_KEYS) break
  }
  return withDirections(program, keys)
}

/** A key where there is a name of its cipher, and the cipher that it leads to agrees in all. */
function keyAt({ memory, anonymous }: Program, address: bigint, cipher: string): Found | null {
  const enc = memory.readWhole(address, SSHENC)
  if (enc === null) return null
  const [keyLength, ivLength, block] = [20, 24, 28].map((at) => enc.getUint32(at, true))
  const declared = memory.readWhole(enc.getBigUint64(WORD, true), SSHCIPHER)
  if (declared === null || memory.text(declared.getBigUint64(0, true), LONGEST_KEY) !== cipher) return null
  if (enc.getUint32(16, true) > 1 || keyLength !== declared.getUint32(12, true)) return null
  if (block !== declared.getUint32(8, true) || !keyLength || keyLength > LONGEST_KEY || (ivLength ?? 0) > LONGEST_IV)
    return null
  const [key, iv] = [enc.getBigUint64(32, true), enc.getBigUint64(40, true)]
  if (!within(anonymous, key)) return null
  return {
    address,
    cipher,
    direction: null,
    key: bytesAt(memory, key, keyLength),
    iv: bytesAt(memory, iv, ivLength ?? 0),
  }
}

function bytesAt(memory: Memory, address: bigint, length: number): Uint8Array | null {
  if (length === 0) return null
  const view = memory.readWhole(address, length)
  return view && new Uint8Array(view.buffer, view.byteOffset, length)
}

/** Two pointers beside each other to keys are those of one connection, the first of them for what comes in. */
function withDirections({ memory, anonymous }: Program, keys: ReadonlyMap<bigint, Found>): Found[] {
  const addresses = [...keys.keys()]
  const slots = new Map<bigint, bigint>()
  for (const { address, which } of memory.findWords(addresses, { ranges: anonymous })) {
    slots.set(address, addresses[which] ?? 0n)
  }
  const directions = new Map<bigint, 'in' | 'out'>()
  for (const [slot, first] of slots) {
    const second = slots.get(slot + BigInt(WORD))
    if (second === undefined || second === first) continue
    directions.set(first, 'in')
    directions.set(second, 'out')
  }
  return [...keys.values()].map((key) => ({ ...key, direction: directions.get(key.address) ?? null }))
}
