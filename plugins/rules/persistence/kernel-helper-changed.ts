import { changedFiles, defineRule, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import info from '../../image/info.js'
import kernelSettings from '../../kernel/kernel-settings.js'

/** What the kernel runs by itself: to shut down, to load modules, for keys and for devices. */
const HELPERS = /^\/(?:usr\/)?s?bin\/(?:poweroff|modprobe|kmod|request-key|hotplug|nfs_cache_getent|cgroups-agent)$/
const POWEROFF =
  /^(?:\/usr)?\/s?bin\/poweroff$|^\/run\/(?:current-system|booted-system)\/[\w/-]{1,100}\/poweroff$|^\/(?:nix|gnu)\/store\/[^ ]{1,300}\/poweroff$|^$/

export default defineRule({
  name: 'kernel-helper-changed',
  title: 'A program that the kernel starts by itself was changed',
  means:
    'The kernel runs these as root, outside of every container, when a key is asked for, a module is missing or the host ' +
    'shuts down: who replaced one is called by the kernel itself.',
  next: [
    'Extract the program and compare it with that of its package',
    'See in timeline what else was written at that time',
  ],
  tactic: 'persistence',
  attack: ['T1546', 'T1554'],
  severity: 'high',
  confidence: 'medium',
  reads: {
    settings: need(kernelSettings),
    files: need(files),
    mounts: need(mounts),
    info: need(info),
    containers: need(containers),
  },
  *find(tables) {
    for (const setting of tables.settings.where('name', 'kernel.poweroff_cmd')) {
      if (setting.value === null || POWEROFF.test(setting.value)) continue
      yield { summary: `kernel.poweroff_cmd is ${quote(setting.value)}`, evidence: [setting] }
    }
    for (const { file, path, container } of changedFiles(tables, HELPERS)) {
      if (container !== null) continue
      yield { severity: 'medium', summary: `${quote(path)} was written at ${file.modified}`, evidence: [file] }
    }
  },
})
