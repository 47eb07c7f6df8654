import { address, bytes, defineAnalyzer, flag, list, text } from 'salvor'
import { mountPoints } from 'salvor/containers'
import { readBlockDevices } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'block-devices',
  aliases: ['lsblk', 'disks'],
  summary: 'Disks, partitions, loop devices with their files, and what the device mapper makes of them',
  description:
    'Every device of the class of block devices, by number: what it is a part of or made of, where the host has it ' +
    'mounted, and the file behind a loop device.',
  torn: 'a device that was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor block-devices memory.elf --wide', what: 'all devices, with all that is known of them' },
  ],
  key: ['device'],
  columns: {
    address: address('Address of the struct device', { detail: true }),
    name: text('Name'),
    type: text('disk, part, loop, rom, raid, and of the device mapper crypt, lvm …'),
    device: text('Number, as major:minor'),
    size: bytes('Size'),
    read_only: flag('Whether it cannot be written to', { detail: true }),
    removable: flag('Whether its medium can be taken out; null of a part', { detail: true }),
    parent: text('Disk that it is a part of', { detail: true }),
    start: bytes('Where on that disk it starts', { detail: true }),
    part_uuid: text("UUID of a part in its disk's table", { detail: true }),
    backing_file: text('File behind a loop device', { meaning: 'path' }),
    mapped_name: text('Name of what the device mapper makes', { detail: true }),
    mapped_uuid: text('UUID of what the device mapper makes', { detail: true }),
    made_of: list('Devices that the device mapper makes it of', { detail: true }),
    mount_points: list('Where the host has all of its file system mounted'),
  },
  async *run({ kernel }) {
    const mounted = mountPoints(kernel)
    yield readBlockDevices(kernel).map(({ is_mapped, ...device }) => ({
      ...device,
      mount_points: mounted.get(device.device ?? '') ?? [],
    }))
  },
})
