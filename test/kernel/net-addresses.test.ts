import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ipv4Text, ipv6Text, macText } from '../../dist/src/kernel/net-addresses.js'

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))

test.each([
  ['00000000000000000000000000000000', '::'],
  ['00000000000000000000000000000001', '::1'],
  ['fe8000000000000000aabbfffeccdd00', 'fe80::aa:bbff:fecc:dd00'],
  ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['20010db8000100000002000300040005', '2001:db8:1:0:2:3:4:5'],
  ['00000000000000000000ffff0a00020f', '::ffff:10.0.2.15'],
])('%s is %s', (hex, text) => {
  expect(ipv6Text(bytes(hex))).toBe(text)
})

test('what is written is read back as the same address by the URL standard', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (address) => {
      const text = ipv6Text(address)
      const [host] = new URL(`http://[${text}]/`).hostname.match(/[0-9a-f:]+/) ?? []
      fc.pre(!text.includes('.'))
      expect(host).toBe(text)
    }),
  )
})

test('words and hardware addresses are written from their first byte on', () => {
  expect(ipv4Text(0x0f02000a)).toBe('10.0.2.15')
  expect(macText(bytes('0242ac1e0002'))).toBe('02:42:ac:1e:00:02')
})
