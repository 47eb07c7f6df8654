/** `struct fb_info`: screens that the kernel draws on itself (drivers/video/fbdev/core/fbmem.c, drivers/gpu/drm/drm_fb_helper.c). */

import type { Kernel } from './kernel.js'
import { FB_INFO } from './objects.js'
import { array, index, type Selects, text } from './query.js'
import { RingBytes } from './ring-bytes.js'

/** Where a colour is in a pixel, counted from its lowest bit. */
export interface ColourBits {
  offset: number
  length: number
}

/** A framebuffer. Pixels for width and height, bytes for the stride. */
export interface Framebuffer {
  /** Of its `struct fb_info`. */
  address: bigint
  /** `fb0` for the first. */
  device: string
  /** What its driver calls it. */
  id: string | null
  /** Where the kernel draws: in memory of its own, out of which most drivers copy what has changed, or the adapter's. */
  buffer: bigint | null
  width: number
  height: number
  /** Which part of it is to be seen. */
  shown_width: number | null
  shown_height: number | null
  left: number | null
  top: number | null
  /** From one line to the next. */
  stride: number
  bits_per_pixel: number
  /** Red, green and blue; null where pixels are numbers of colours, or no picture is told by them. */
  colours: readonly ColourBits[] | null
  running: boolean | null
}

/** What a framebuffer held: red, green, blue and how opaque, a byte each, for every pixel. One that is missing is clear. */
export interface Picture {
  width: number
  height: number
  pixels: Uint8Array
  /** Pixels that are not in the image. */
  missing: number
}

/** FB_MAX (include/uapi/linux/fb.h). */
const MOST_DEVICES = 32
/** FB_TYPE_PACKED_PIXELS, FB_VISUAL_TRUECOLOR and FB_VISUAL_DIRECTCOLOR (include/uapi/linux/fb.h). */
const PACKED_PIXELS = 0
const COLOURED: ReadonlySet<number | null> = new Set([2, 4])
/** Of an 8K screen, the largest that are sold. */
const MOST_BYTES = 7680 * 4320 * 4
const RGBA = 4
const OPAQUE = 255

const COLUMNS = {
  number: index(),
  id: text('fix.id'),
  buffer: ['screen_buffer', 'screen_base'],
  width: 'var.xres_virtual',
  height: 'var.yres_virtual',
  shownWidth: 'var.xres',
  shownHeight: 'var.yres',
  left: 'var.xoffset',
  top: 'var.yoffset',
  stride: 'fix.line_length',
  bits: 'var.bits_per_pixel',
  type: 'fix.type',
  visual: 'fix.visual',
  red: 'var.red.offset',
  redLength: 'var.red.length',
  green: 'var.green.offset',
  greenLength: 'var.green.length',
  blue: 'var.blue.offset',
  blueLength: 'var.blue.length',
  state: 'state',
} satisfies Selects

/** All framebuffers that there are, first to last. */
export function readFramebuffers(kernel: Kernel): Framebuffer[] {
  if (kernel.address('registered_fb') === null) return []
  const found = kernel
    .symbol('registered_fb', 'long')
    .walk(array('', { count: MOST_DEVICES, pointers: true, type: FB_INFO }))
    .select(COLUMNS)
  return Array.from({ length: found.length }, (_, row): Framebuffer[] => {
    const number = (name: Exclude<keyof typeof COLUMNS, 'id' | 'buffer'>) => found.column(name).number(row)
    const [place, width, height] = [number('number'), number('width'), number('height')]
    const [stride, bits, state] = [number('stride'), number('bits'), number('state')]
    if (place === null || width === null || height === null || stride === null || bits === null) return []
    const colour = (offset: 'red' | 'green' | 'blue', length: 'redLength' | 'greenLength' | 'blueLength') => ({
      offset: number(offset) ?? 0,
      length: number(length) ?? 0,
    })
    const colours = [colour('red', 'redLength'), colour('green', 'greenLength'), colour('blue', 'blueLength')]
    const isPicture = number('type') === PACKED_PIXELS && COLOURED.has(number('visual')) && areInside(colours, bits)
    return [
      {
        address: found.addresses[row] ?? 0n,
        device: `fb${place}`,
        id: found.column('id').text(row),
        buffer: found.column('buffer').bigint(row) || null,
        width,
        height,
        shown_width: number('shownWidth'),
        shown_height: number('shownHeight'),
        left: number('left'),
        top: number('top'),
        stride,
        bits_per_pixel: bits,
        colours: isPicture ? colours : null,
        running: state === null ? null : state === 0,
      },
    ]
  }).flat()
}

/** Whether pixels of whole bytes have all of these colours in them. */
function areInside(colours: readonly ColourBits[], bits: number): boolean {
  const isInside = ({ offset, length }: ColourBits) => length > 0 && length <= 16 && offset + length <= bits
  return [16, 24, 32].includes(bits) && colours.every(isInside)
}

/** Why no picture can be made of a framebuffer, whatever of it is in the image; null where one can. */
export function whyNoPicture({ buffer, width, height, stride, bits_per_pixel, colours }: Framebuffer): string | null {
  if (buffer === null) return 'there is no buffer for it that the kernel can draw in'
  if (colours === null) return `its pixels of ${bits_per_pixel} bits are not made of colours`
  if (width === 0 || height === 0) return 'it has no pixels'
  if (stride * 8 < width * bits_per_pixel) return `lines of ${stride} bytes are too short for ${width} pixels`
  if (stride * height > MOST_BYTES) return `its ${stride * height} bytes are more than any screen has`
  return null
}

/** The picture on a framebuffer of which one can be made; null where nothing of it is in the image. */
export function pictureOf(kernel: Kernel, framebuffer: Framebuffer): Picture | null {
  const { buffer, width, height, stride, bits_per_pixel } = framebuffer
  if (buffer === null || whyNoPicture(framebuffer) !== null) return null
  // What the adapter's own memory has is in few images, and no fault of them.
  const memory = new RingBytes(kernel.unheard(), buffer, stride * (height - 1) + width * (bits_per_pixel / 8))
  const picture = pictureIn(memory, framebuffer)
  return picture.missing === width * height ? null : picture
}

/** The same, out of bytes of which some may be missing. */
export function pictureIn(
  memory: Pick<RingBytes, 'at'>,
  { width, height, stride, bits_per_pixel, colours }: Omit<Framebuffer, 'address' | 'buffer'>,
): Picture {
  const wide = bits_per_pixel / 8
  const pixels = new Uint8Array(width * height * RGBA)
  let missing = 0
  for (let line = 0; line < height; line++) {
    const to = pixels.subarray(line * width * RGBA)
    const whole = memory.at(line * stride, width * wide)
    if (whole !== null) paint(to, whole, wide, colours ?? [])
    // A page that is missing takes no more of a line with it than lies in it.
    for (let column = 0; whole === null && column < width; column++) {
      const pixel = memory.at(line * stride + column * wide, wide)
      if (pixel === null) missing++
      else paint(to.subarray(column * RGBA), pixel, wide, colours ?? [])
    }
  }
  return { width, height, pixels, missing }
}

/** Puts pixels that lie one behind the other where they belong. */
function paint(to: Uint8Array, from: Uint8Array, wide: number, colours: readonly ColourBits[]): void {
  for (let pixel = 0; pixel * wide < from.length; pixel++) {
    let value = 0
    for (let byte = wide - 1; byte >= 0; byte--) value = value * 256 + (from[pixel * wide + byte] ?? 0)
    for (const [at, { offset, length }] of colours.entries()) {
      const most = 2 ** length - 1
      to[pixel * RGBA + at] = Math.round((((value / 2 ** offset) & most) * OPAQUE) / most)
    }
    to[pixel * RGBA + colours.length] = OPAQUE
  }
}
