import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { type Memory, MOST_PLACES, secretsInMemory } from '../../src/secrets/memory.js'

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const token = (alg: string, signature: number) => `${base64({ alg })}.${base64({ sub: 'me' })}.${'s'.repeat(signature)}`
const BASE = 0xc000_0000_00n

/** Memory of which the page at `lost` is not there. */
function memoryOf(text: string, lost: [from: number, to: number] = [0, 0]): Memory {
  const bytes = Buffer.from(text, 'latin1')
  return {
    *find(patterns) {
      for (const [which, pattern] of patterns.entries()) {
        for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) {
          yield { address: BASE + BigInt(at), which }
        }
      }
    },
    *read(address, length) {
      const from = Number(address - BASE)
      const to = Math.min(from + length, bytes.length)
      for (const [start, end, there] of [
        [from, Math.min(to, lost[0] || to), true],
        [Math.max(from, lost[0]), Math.min(to, lost[1]), false],
        [Math.max(from, lost[1]), lost[1] > 0 ? to : 0, true],
      ] as const) {
        if (end <= start) continue
        const piece = { address: BASE + BigInt(start), length: end - start }
        yield there ? { ...piece, bytes: bytes.subarray(Math.max(start, 0), end) } : piece
      }
    },
  }
}

const valuesIn = (memory: Memory) => secretsInMemory(memory, () => {}).map(({ value }) => value)

test.each([
  ['RS256', 342],
  ['RS256', 512],
  ['ES256', 86],
  ['HS256', 43],
])('a %s token with %i characters of signature ends where that can end', (alg, length) => {
  const value = token(alg, length)
  expect(valuesIn(memoryOf(`\0${value}\0`))).toEqual([value])
  expect(valuesIn(memoryOf(`\0${value}otherText`))).toEqual([value])
})

it('finds each secret once, where it begins', () => {
  const value = token('ES256', 86)
  const id = `AKIA${'Q'.repeat(16)}`
  const key = `-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----`
  const found = secretsInMemory(memoryOf(`\0${value}\0${value} ${id}" x${id} ${key}\n`), () => {})
  expect(found.map(({ kind, name }) => [kind, name])).toEqual([
    ['jwt', null],
    ['private-key', 'EC PRIVATE KEY'],
    ['aws-access-key', null],
  ])
})

it('finds none of which a page is missing, and no certificate', () => {
  const value = token('ES256', 86)
  expect(valuesIn(memoryOf(`\0${value}`, [60, 80]))).toEqual([])
  expect(valuesIn(memoryOf('\0-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'))).toEqual([])
})

it('is bounded, says so, and no memory is an exception', () => {
  let capped = 0
  secretsInMemory(memoryOf(' AKIA'.repeat(MOST_PLACES + 5)), () => capped++)
  expect(capped).toBe(1)
  fc.assert(
    fc.property(fc.array(fc.constantFrom('eyJhbGciOi', 'AKIA', '-----BEGIN ', '.', 'x', '\0')), (parts) => {
      valuesIn(memoryOf(parts.join('')))
    }),
  )
})
