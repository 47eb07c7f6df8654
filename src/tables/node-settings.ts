/** What is known of a node's own settings: its kubelet's configuration, and versions of what starts containers. */

import type { CachedFiles } from '../containers/cached-files.js'
import { type BuildInfo, findBuildInfo, LONGEST_BUILD_INFO } from '../containers/exposure/build-info.js'
import { kubeletSettings } from '../containers/exposure/kubelet-settings.js'
import type { ExposedSetting } from '../containers/exposure/settings.js'
import { type Built, PROGRAM_FILES } from '../containers/exposure/versions.js'
import { readKubelet } from '../containers/kubelet.js'
import type { FilePiece } from '../kernel/file-contents.js'
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

/** What the programs that start containers say of how they were built, as far as the page cache has that part of them. */
export function readBuilt(kernel: Kernel, files: CachedFiles): Built[] {
  const seen = new Set<bigint>()
  return PROGRAM_FILES.flatMap((file) => {
    const inode = files.inode?.(file) ?? null
    if (inode === null || seen.has(inode)) return []
    seen.add(inode)
    const found = firstBuildInfo(kernel.fileContents(inode) ?? [])
    return found === null ? [] : [{ file, ...found }]
  })
}

function firstBuildInfo(pieces: Iterable<FilePiece>): BuildInfo | null {
  let before: Uint8Array = new Uint8Array()
  let end = 0
  for (const piece of pieces) {
    if (!('bytes' in piece)) continue
    // What begins at the end of one piece goes on in the next.
    const bytes = piece.offset === end ? Buffer.concat([before, piece.bytes]) : piece.bytes
    const found = findBuildInfo(bytes)
    if (found !== null) return found
    end = piece.offset + piece.length
    before = bytes.subarray(Math.max(0, bytes.length - LONGEST_BUILD_INFO))
  }
  return null
}
