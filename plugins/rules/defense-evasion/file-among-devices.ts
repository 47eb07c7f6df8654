import { defineRule, need, quote } from 'salvor'
import files from '../../files/files.js'

const DEVICES = /^\/dev\/(?!shm\/|mqueue\/|hugepages|\.lxc|\.lxd|\.udev)/

export default defineRule({
  name: 'file-among-devices',
  title: 'An ordinary file lies among the devices of the host',
  means:
    'The folder /dev is in memory and is for devices: who puts files there wants them gone with the next boot, and not looked for.',
  next: ['Extract the file and hash it', 'See in open-files and memory-maps who uses it'],
  tactic: 'defense-evasion',
  attack: ['T1564'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(files) },
  *find({ files }) {
    for (const file of files.where('type', 'file')) {
      if (file.container !== null || file.mount_id === null || file.deleted === true || file.path === null) continue
      if (!DEVICES.test(file.path) || Number(file.size ?? 0) === 0) continue
      yield { summary: `${quote(file.path)} has ${file.size} bytes`, evidence: [file] }
    }
  },
})
