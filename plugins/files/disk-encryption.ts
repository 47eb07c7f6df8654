import { address, bytes, defineAnalyzer, integer, option, text } from 'salvor'
import { hexText, readEncrypted } from 'salvor/kernel'

const hex = (key: Uint8Array | null) => key && hexText(key)

export default defineAnalyzer({
  name: 'disk-encryption',
  aliases: ['luks', 'dm-crypt', 'cryptsetup'],
  summary: 'Devices that the device mapper encrypts, LUKS volumes among them, with cipher and volume key',
  description:
    'Each stretch of a device that dm-crypt encrypts. The key is that of the volume itself, which opens it without a ' +
    'passphrase: it is shown with --reveal only. Where the kernel has no types of the module dm_crypt in memory, only the ' +
    'place is known.',
  torn: 'a volume that was open throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor disk-encryption memory.elf', what: 'what is encrypted, without keys' },
    { command: 'salvor disk-encryption memory.elf --reveal', what: 'with the keys themselves' },
  ],
  key: ['device', 'start'],
  options: { reveal: option.flag('Show the keys themselves') },
  columns: {
    address: address('Address of the struct dm_target', { detail: true }),
    name: text('Name of the opened volume'),
    uuid: text('UUID that it was opened with: CRYPT-LUKS2- and that of its header', { detail: true }),
    device: text('Number of the device, as major:minor'),
    cipher: text('Cipher, mode and how initialization vectors are made'),
    key_size: bytes('Length of the volume key'),
    key: text('Volume key in hex, with --reveal'),
    key_description: text('The keyring entry that it was given as', { detail: true }),
    iv_offset: integer("What is added to a sector's number for its initialization vector", { detail: true }),
    sector_size: bytes('Length of what is encrypted at a time', { detail: true }),
    start: bytes('Where it begins on the device', { detail: true }),
    size: bytes('Length'),
    lies_on: text('Device that holds it encrypted, as major:minor'),
    lies_at: bytes('Where it begins there', { detail: true }),
  },
  async *run({ kernel, options: { reveal } }) {
    yield readEncrypted(kernel).map(({ device, key, key_description, ...volume }) => ({
      ...volume,
      name: device.mapped_name,
      uuid: device.mapped_uuid,
      device: device.device,
      key: reveal ? hex(key) : null,
      // Without a keyring it is the key itself in hex.
      key_description: key_description?.startsWith(':') || reveal ? key_description : null,
    }))
  },
})
