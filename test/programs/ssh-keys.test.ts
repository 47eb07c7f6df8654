import { expect, test } from 'vitest'
import { keysOf } from '../../dist/src/programs/ssh-keys.js'
import { FakeMemory } from './fake-memory.js'

interface Settings {
  keyLength?: number
  /** What the cipher says of it. */
  declared?: number
  fill?: number
}

/** A `struct newkeys` of which only `struct sshenc` counts, with the cipher that it leads to. */
function newkeys(memory: FakeMemory, name: string, settings: Settings = {}): bigint {
  const { keyLength = 32, fill = 1 } = settings
  const { declared = keyLength } = settings
  const cipher = Buffer.alloc(24)
  cipher.writeBigUInt64LE(memory.write(name))
  for (const [at, value] of [16, declared, 16].entries()) cipher.writeUInt32LE(value, 8 + 4 * at)
  const enc = Buffer.alloc(48)
  enc.writeBigUInt64LE(memory.write(name), 0)
  enc.writeBigUInt64LE(memory.add(cipher), 8)
  for (const [at, value] of [1, keyLength, 16, 16].entries()) enc.writeUInt32LE(value, 16 + 4 * at)
  enc.writeBigUInt64LE(memory.add(Buffer.alloc(keyLength, fill)), 32)
  enc.writeBigUInt64LE(memory.add(Buffer.alloc(16, 7)), 40)
  return memory.add(enc)
}

test('keys are found with their directions', () => {
  const memory = new FakeMemory()
  const incoming = newkeys(memory, 'aes256-ctr', { fill: 1 })
  const outgoing = newkeys(memory, 'aes256-ctr', { fill: 2 })
  memory.words(0n, incoming, outgoing, 0n)
  const found = keysOf(memory.program(false))
  expect(found.map(({ address, direction, cipher, key }) => [address, direction, cipher, key?.[0]])).toEqual([
    [incoming, 'in', 'aes256-ctr', 1],
    [outgoing, 'out', 'aes256-ctr', 2],
  ])
  expect(found[0]?.iv).toEqual(new Uint8Array(16).fill(7))
})

test('a key that nobody points to has no direction', () => {
  const memory = new FakeMemory()
  newkeys(memory, 'aes128-gcm@openssh.com', { keyLength: 16 })
  expect(keysOf(memory.program(false)).map(({ direction }) => direction)).toEqual([null])
})

test.each([
  ['lengths that the cipher does not have', { keyLength: 32, declared: 16 }],
  ['a key longer than any', { keyLength: 65 }],
  ['no key at all', { keyLength: 0 }],
])('%s are no key', (_, settings) => {
  const memory = new FakeMemory()
  newkeys(memory, 'aes256-ctr', settings)
  expect(keysOf(memory.program(false))).toEqual([])
})

test('the name of a cipher alone is no key', () => {
  const memory = new FakeMemory()
  memory.words(memory.write('aes256-ctr'), memory.write('aes256-ctr'))
  expect(keysOf(memory.program(false))).toEqual([])
})
