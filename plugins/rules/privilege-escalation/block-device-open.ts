import { defineRule, need, quote } from 'salvor'
import blockDevices from '../../files/block-devices.js'
import openFiles from '../../files/open-files.js'

export default defineRule({
  name: 'block-device-open',
  title: 'A process of a container has a disk of the host open',
  means:
    'By the device it reads and writes all files of the host, past every permission (debugfs, dd). Storage plugins do so ' +
    'by trade, with volumes that are not the host’s own.',
  next: [
    'See what the process is and who started it in process-tree',
    'Look at what it was told to do in its arguments and shell-history',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611', 'T1006'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(openFiles), devices: need(blockDevices) },
  *find({ files, devices }, known) {
    for (const file of files.where('type', 'block')) {
      if (file.container === null) continue
      const name = file.path?.slice(file.path.lastIndexOf('/') + 1) ?? null
      const device = name === null ? undefined : devices.where('name', name)[0]
      const isOfHost = device?.mount_points?.some((place) => /^\/(?:boot|usr|var|etc|home)?$/.test(place)) === true
      const usual = known.byDesign(file.container) === null ? 'medium' : 'info'
      yield {
        about: file,
        severity: isOfHost ? 'high' : usual,
        summary: `${quote(file.comm)} has ${quote(file.path)} open${isOfHost ? `, which the host has at ${quote(device?.mount_points?.[0] ?? null)}` : ''}`,
        evidence: [file, ...(device === undefined ? [] : [device])],
      }
    }
  },
})
