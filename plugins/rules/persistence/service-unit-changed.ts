import { changedFiles, changeFinding, defineRule, need } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import info from '../../image/info.js'

const PLACES =
  /^\/(?:(?:etc|usr\/lib|lib)\/systemd\/(?:system|user)\/|etc\/(?:init\.d|rc\.d)\/|etc\/rc\.local$|(?:root|home\/[^/]+)\/\.config\/systemd\/user\/)/

/** snapd writes these whenever it brings a new version of something. */
const OF_SNAPS = /\/(?:\d+-)?snap[.-][^/]+$/

export default defineRule({
  name: 'service-unit-changed',
  title: 'A service that starts with the host was written since the start',
  means:
    'A unit of systemd or an init script starts a program at every boot. Installing a package brings units with the time at which it was built; this one was written here.',
  next: [
    'Read the file with extract, and look for the program that it names in processes',
    'See in timeline what else was written at that time',
  ],
  tactic: 'persistence',
  attack: ['T1543.002', 'T1037.004'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(files), mounts: need(mounts), info: need(info), containers: need(containers) },
  *find(tables) {
    for (const change of changedFiles(tables, PLACES)) {
      yield { ...changeFinding(change), severity: OF_SNAPS.test(change.path) ? 'low' : 'medium' }
    }
  },
})
