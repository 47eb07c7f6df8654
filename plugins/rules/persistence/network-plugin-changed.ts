import { changedFiles, changeFinding, defineRule, need } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import info from '../../image/info.js'

const PLACES =
  /^\/(?:opt\/cni\/bin|usr\/libexec\/cni|usr\/lib\/cni|usr\/libexec\/kubernetes\/kubelet-plugins|var\/lib\/kubelet\/(?:plugins|device-plugins|plugins_registry))\//

export default defineRule({
  name: 'network-plugin-changed',
  title: 'A program that the node agent runs as root was written since the start',
  means:
    'The kubelet and the container runtime run plugins for networks and volumes as root at every pod. Installing the plugin writes it too; so does who replaces it.',
  next: [
    'Hash the program with extract and compare it with that of the plugin’s release',
    'See in timeline what else was written at that time',
  ],
  tactic: 'persistence',
  attack: ['T1554'],
  severity: 'low',
  confidence: 'low',
  reads: { files: need(files), mounts: need(mounts), info: need(info), containers: need(containers) },
  *find(tables) {
    for (const change of changedFiles(tables, PLACES)) yield changeFinding(change)
  },
})
