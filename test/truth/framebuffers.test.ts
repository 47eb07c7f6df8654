/** Framebuffers. The guests have none: a copy of a sample is given two. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { decode } from 'fast-png'
import { describe, expect, it } from 'vitest'
import { pictureIn } from '../../dist/src/kernel/framebuffers.js'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { at, whole } from './changes.js'
import { samples, table } from './images.js'
import { type Patch, patchedCopy } from './patched.js'
import { forge, forgery, type Members } from './planted-modules.js'

const [WIDTH, HEIGHT, STRIDE] = [20, 8, 96]
/** Where in the forged memory the other `struct fb_info` is, and the pixels. */
const [OTHER_AT, PIXELS_AT] = [0x600, 0xc00]
/** FB_VISUAL_TRUECOLOR and FB_VISUAL_PSEUDOCOLOR (include/uapi/linux/fb.h). */
const [TRUECOLOR, PSEUDOCOLOR] = [2, 3]

/** Of every pixel another colour. */
const colour = (x: number, y: number) => [x * 11, y * 31, x ^ y] as const
const pixelsOf = <T>(each: (x: number, y: number) => T) =>
  Array.from({ length: WIDTH * HEIGHT }, (_, pixel) => each(pixel % WIDTH, Math.floor(pixel / WIDTH)))

const members = (info: bigint, buffer: bigint, visual: number): Members => [
  ['fbops', 8, info],
  [['screen_buffer', 'screen_base'], 8, buffer],
  ['fix.line_length', 4, STRIDE],
  ['fix.visual', 4, visual],
  ['var.xres', 4, WIDTH],
  ['var.yres', 4, HEIGHT / 2],
  ['var.xres_virtual', 4, WIDTH],
  ['var.yres_virtual', 4, HEIGHT],
  ['var.yoffset', 4, HEIGHT / 2],
  ['var.bits_per_pixel', 4, 32],
  ['var.red.offset', 4, 16],
  ['var.red.length', 4, 8],
  ['var.green.offset', 4, 8],
  ['var.green.length', 4, 8],
  ['var.blue.length', 4, 8],
]

/** One with a picture, and one whose pixels are numbers of colours. */
function plant(kernel: Kernel): Patch[] {
  const scratch = forgery(kernel, 0x1000)
  const [info, other, buffer] = [0, OTHER_AT, PIXELS_AT].map((place) => scratch.base + BigInt(place))
  if (info === undefined || other === undefined || buffer === undefined) return []
  forge(kernel, scratch, info, 'struct fb_info', members(info, buffer, TRUECOLOR))
  forge(kernel, scratch, other, 'struct fb_info', members(other, buffer, PSEUDOCOLOR))
  pixelsOf((x, y) => {
    const [red, green, blue] = colour(x, y)
    scratch.put(buffer + BigInt(y * STRIDE + x * 4), 4, (red << 16) | (green << 8) | blue)
  })
  const slots = at(kernel, 'registered_fb')
  return [...scratch.patches(), whole(kernel, slots, info), whole(kernel, slots + 8n, other)]
}

describe.each(samples().filter(({ name }) => name === 'docker-debian12'))('framebuffers of $title', (sample) => {
  const copy = patchedCopy(sample, plant)

  it('are none before', () => {
    expect(table('framebuffers', sample.as('raw')).rows).toEqual([])
  })

  it('are told, and of which there can be no picture', () => {
    const { rows } = table('framebuffers', copy.path)
    const told = rows.map(({ device, width, height, shown_height, top }) => [device, width, height, shown_height, top])
    expect(told).toEqual(['fb0', 'fb1'].map((device) => [device, WIDTH, HEIGHT, HEIGHT / 2, HEIGHT / 2]))
    expect(rows.map(({ no_picture }) => no_picture)).toEqual([null, 'its pixels of 32 bits are not made of colours'])
  })

  it('are written as pictures, to the pixel', () => {
    const folder = mkdtempSync(join(tmpdir(), 'salvor-screens-'))
    try {
      const { rows } = table('framebuffer-dump', copy.path, '--output-dir', folder)
      expect(rows.map(({ missing, reason }) => [missing, reason])).toEqual([
        [0, null],
        [null, 'its pixels of 32 bits are not made of colours'],
      ])
      const { width, height, data } = decode(readFileSync(join(folder, 'fb0.png')))
      expect([width, height]).toEqual([WIDTH, HEIGHT])
      expect([...data]).toEqual(pixelsOf((x, y) => [...colour(x, y), 255]).flat())
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('a picture', () => {
  const framebuffer = (bits_per_pixel: number, colours: { offset: number; length: number }[]) => ({
    ...{ device: 'fb0', id: null, width: WIDTH, height: HEIGHT, stride: STRIDE, bits_per_pixel, colours },
    ...{ shown_width: null, shown_height: null, left: null, top: null, running: null },
  })

  it('is clear where memory is missing, and only there', () => {
    const memory = Uint8Array.from({ length: STRIDE * HEIGHT }, () => 0xff)
    fc.assert(
      fc.property(fc.nat(STRIDE * HEIGHT), fc.nat(STRIDE * HEIGHT), (one, another) => {
        const [from, to] = [Math.min(one, another), Math.max(one, another)]
        const isLost = (start: number, length: number) => start < to && start + length > from
        const source = {
          at: (start: number, length: number) =>
            isLost(start, length) ? null : memory.subarray(start, start + length),
        }
        const grey = framebuffer(32, [
          { offset: 0, length: 8 },
          { offset: 8, length: 8 },
          { offset: 16, length: 8 },
        ])
        const { pixels, missing } = pictureIn(source, grey)
        const lost = pixelsOf((x, y) => isLost(y * STRIDE + x * 4, 4))
        expect([...pixels]).toEqual(lost.flatMap((each) => Array.from({ length: 4 }, () => (each ? 0 : 255))))
        expect(missing).toBe(lost.filter(Boolean).length)
      }),
    )
  })

  it('has colours from none to all of them, however many bits these have', () => {
    const word = (value: number) => {
      const from = new Uint8Array(STRIDE * HEIGHT)
      new DataView(from.buffer).setUint16(0, value, true)
      return { at: (start: number, length: number) => from.subarray(start, start + length) }
    }
    const first = (value: number) => {
      const colours = [
        { offset: 11, length: 5 },
        { offset: 5, length: 6 },
        { offset: 0, length: 5 },
      ]
      return [...pictureIn(word(value), framebuffer(16, colours)).pixels.subarray(0, 4)]
    }
    expect(first(0)).toEqual([0, 0, 0, 255])
    expect(first(0xffff)).toEqual([255, 255, 255, 255])
    expect(first(31 << 11)).toEqual([255, 0, 0, 255])
    expect(first(32 << 5)).toEqual([0, 130, 0, 255])
    expect(first(1)).toEqual([0, 0, 8, 255])
  })
})
