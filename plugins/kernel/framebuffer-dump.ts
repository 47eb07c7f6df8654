import { encode } from 'fast-png'
import { address, artifact, count, defineAnalyzer, text } from 'salvor'
import { pictureOf, readFramebuffers, whyNoPicture } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'framebuffer-dump',
  aliases: ['screenshot'],
  summary: 'What was on the screens that the kernel draws on itself, as PNG files',
  description:
    'All of each framebuffer, with what of it was not to be seen just then. Pixels that are not in the image are ' +
    'transparent, and counted.',
  torn: 'a picture may have lines of several moments.',
  artifacts: 'a picture of each framebuffer',
  examples: [{ command: 'salvor framebuffer-dump memory.elf -d out', what: 'out/fb0.png, and one for each other' }],
  key: ['device'],
  columns: {
    address: address('Address of the struct fb_info', { detail: true }),
    device: text('Name: fb0 for /dev/fb0'),
    id: text('What its driver calls it'),
    width: count('Pixels of a line'),
    height: count('Lines'),
    missing: count('Pixels that are not in the image; null where no picture can be made'),
    reason: text('Why there is no picture'),
    file: artifact('The picture; null where there is none'),
  },
  async *run({ kernel, artifacts }) {
    for (const framebuffer of readFramebuffers(kernel)) {
      const { address, device, id, width, height } = framebuffer
      const row = { address, device, id, width, height }
      const picture = pictureOf(kernel, framebuffer)
      if (picture === null) {
        const reason = whyNoPicture(framebuffer) ?? 'its memory is not in the image'
        yield { ...row, missing: null, reason, file: null }
        continue
      }
      const { pixels, missing } = picture
      const writer = artifacts.create(`${device}.png`)
      writer.write(encode({ width, height, data: pixels, channels: 4 }))
      yield { ...row, missing, reason: null, file: writer.close() }
    }
  },
})
