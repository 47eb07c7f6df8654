/** What is known of a node's own settings: its kubelet's configuration, and versions of what starts containers. */

import type { CachedFiles } from '../containers/cached-files.js'
import { kubeletSettings } from '../containers/exposure/kubelet-settings.js'
import type { ExposedSetting } from '../containers/exposure/settings.js'
import { readKubelet } from '../containers/kubelet.js'
import type { Kernel } from '../kernel/kernel.js'
import { readYaml } from '../yaml.js'
import { containerEvidence } from './containers.js'

/** Longer configurations are nobody's. */
const LONGEST = 1 << 20

/** Settings of the kubelet's file that weaken the node; none where it has no file or memory does not hold it. */
export function readKubeletSettings(kernel: Kernel, files: CachedFiles): ExposedSetting[] {
  const { config, flags } = readKubelet(containerEvidence(kernel).evidence.processes, files)
  const text = config === null ? null : files.read(config).text
  if (config === null || text === null || text.length > LONGEST) return []
  const [document] = readYaml(text)
  if (document === undefined || document.fault !== null) {
    const message = `${config} is not to be read as YAML: ${document?.fault ?? 'it is empty'}`
    kernel.warn({ code: 'unreadable', message })
    return []
  }
  return kubeletSettings(document.value, config, flags)
}
