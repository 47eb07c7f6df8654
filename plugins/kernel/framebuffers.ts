import { address, bytes, count, defineAnalyzer, flag, text } from 'salvor'
import { readFramebuffers, whyNoPicture } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'framebuffers',
  aliases: ['fbdev'],
  summary: 'Screens that the kernel draws on itself, which `framebuffer-dump` writes as pictures',
  description:
    'The framebuffers of the kernel, with what its console would show. A desktop draws in buffers of its own, and where a ' +
    'driver lets the kernel draw in the memory of the adapter, few images have it.',
  torn: 'a framebuffer is one row.',
  examples: [{ command: 'salvor framebuffers memory.elf --wide', what: 'all framebuffers, and how their pixels lie' }],
  key: ['device'],
  columns: {
    address: address('Address of the struct fb_info', { detail: true }),
    device: text('Name: fb0 for /dev/fb0'),
    id: text('What its driver calls it'),
    width: count('Pixels of a line'),
    height: count('Lines'),
    shown_width: count('Pixels of a line that are to be seen', { detail: true }),
    shown_height: count('Lines that are to be seen', { detail: true }),
    left: count('Where in a line that begins', { detail: true }),
    top: count('The first of these lines', { detail: true }),
    stride: bytes('From one line to the next', { detail: true }),
    bits_per_pixel: count('Bits of a pixel'),
    running: flag('Whether it was in use, and not asleep'),
    buffer: address('Where the kernel draws; null where it draws nowhere', { detail: true }),
    no_picture: text('Why framebuffer-dump can write no picture of it; null where it can, as far as memory is there'),
  },
  async *run({ kernel }) {
    yield readFramebuffers(kernel).map((framebuffer) => {
      const { colours: _, ...row } = framebuffer
      return { ...row, no_picture: whyNoPicture(framebuffer) }
    })
  },
})
