import { describe, expect, test } from 'vitest'
import { unixName } from '../../dist/src/kernel/socket-families.js'
import { classicText, type Instruction } from '../../dist/src/kernel/socket-filters.js'

const code = (...words: [number, number, number, number][]): Instruction[] =>
  words.map(([code, jt, jf, k]) => ({ code, jt, jf, k }))

describe('classic BPF', () => {
  test('a filter for one port reads as tcpdump writes it', () => {
    // tcpdump -dd 'ip and tcp dst port 80'
    const filter = code(
      [0x28, 0, 0, 0x0000000c],
      [0x15, 0, 8, 0x00000800],
      [0x30, 0, 0, 0x00000017],
      [0x15, 0, 6, 0x00000006],
      [0x28, 0, 0, 0x00000014],
      [0x45, 4, 0, 0x00001fff],
      [0xb1, 0, 0, 0x0000000e],
      [0x48, 0, 0, 0x00000010],
      [0x15, 0, 1, 0x00000050],
      [0x06, 0, 0, 0x00040000],
      [0x06, 0, 0, 0x00000000],
    )
    expect(classicText(filter).split('; ')).toEqual([
      '(0) ldh [12]',
      '(1) jeq #0x800 jt 2 jf 10',
      '(2) ldb [23]',
      '(3) jeq #0x6 jt 4 jf 10',
      '(4) ldh [20]',
      '(5) jset #0x1fff jt 10 jf 6',
      '(6) ldxb 4*([14]&0xf)',
      '(7) ldh [x + 16]',
      '(8) jeq #0x50 jt 9 jf 10',
      '(9) ret #262144',
      '(10) ret #0',
    ])
  })

  test('every other kind of instruction has its words, and none that has none fails', () => {
    const filter = code(
      [0x01, 0, 0, 5],
      [0x02, 0, 0, 3],
      [0x03, 0, 0, 3],
      [0x60, 0, 0, 3],
      [0x0c, 0, 0, 0],
      [0x84, 0, 0, 0],
      [0x05, 0, 0, 2],
      [0x1d, 1, 0, 0],
      [0x16, 0, 0, 0],
      [0x07, 0, 0, 0],
      [0x87, 0, 0, 0],
      [0xf4, 1, 2, 3],
      [0xffff, 0, 0, 0],
    )
    expect(
      classicText(filter)
        .replaceAll(/\(\d+\) /g, '')
        .split('; '),
    ).toEqual(
      [
        'ldx #0x5',
        'st M[3]',
        'stx M[3]',
        'ld M[3]',
        'add x',
        'neg',
        'ja 9',
        'jeq x jt 9 jf 8',
        'ret a',
        'tax',
        'txa',
      ].concat(['0xf4 1 2 #0x3', 'tax']),
    )
  })
})

describe('names of Unix sockets', () => {
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))
  test.each([
    ['/run/a.sock\0', '/run/a.sock'],
    ['\0shim', '@shim'],
    ['\0a\0b\0', '@a@b@'],
    ['/caf\xc3\xa9\0', '/café'],
    ['/\xff\0', '/\\xff'],
  ])('%j', (raw, shown) => expect(unixName(bytes(raw))).toBe(shown))
})
