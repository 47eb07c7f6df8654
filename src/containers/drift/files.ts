/** Programs and files that are not from the image. */

import type { Difference, DriftEvidence, DriftMount, DriftProcess } from './types.js'

const DELETED = ' (deleted)'
/** What one container shows of these; a build may make many. */
const MOST_FILES = 200

/** The mount that a path lies on. */
function mountOf(mounts: readonly DriftMount[], path: string): DriftMount | undefined {
  const above = mounts.filter(
    ({ target, type }) =>
      target !== null && type !== 'rootfs' && (target === '/' || path === target || path.startsWith(`${target}/`)),
  )
  const longest = Math.max(...above.map(({ target }) => target?.length ?? 0))
  return above.findLast(({ target }) => target?.length === longest)
}

/** Where a program comes from that is not from the image; null where it is, or where nobody knows. */
function originOf({ mounts, files }: DriftEvidence, exe: string): string | null {
  const path = exe.endsWith(DELETED) ? exe.slice(0, -DELETED.length) : exe
  if (path.startsWith('/memfd:') || path.startsWith('memfd:')) return 'a file in memory alone'
  const mount = mounts === null ? undefined : mountOf(mounts, path)
  if (mount !== undefined && mount.target !== '/') return `on ${mount.target}, ${mount.type ?? 'a mount'}`
  const made = files.some((file) => file.path === path && file.layer === 'upper')
  return made ? 'made or changed in the container' : null
}

function executable(evidence: DriftEvidence, process: DriftProcess): Difference[] {
  const { exe, namespaces } = process
  // A process in another mount namespace has a path of that.
  if (exe === null || namespaces.mnt !== evidence.init?.namespaces.mnt) return []
  const actual = originOf(evidence, exe)
  if (actual === null) return []
  return [{ aspect: 'executable', name: exe, declared: 'from the image', actual, weaker: null, process }]
}

/** Runtimes make empty files for what is mounted over them. */
function isProgram({ layer, type, mode, size, deleted }: DriftEvidence['files'][number]): boolean {
  return layer === 'upper' && type === 'file' && /[xs]/.test(mode ?? '') && Number(size ?? 0) > 0 && deleted !== true
}

export function fileDrift(evidence: DriftEvidence): Difference[] {
  const programs = evidence.files
    .filter(isProgram)
    .sort((left, right) => ((left.path ?? '') < (right.path ?? '') ? -1 : 1))
    .slice(0, MOST_FILES)
    .map(({ path, mode }): Difference => {
      const actual = `${mode} made or changed in the container`
      return { aspect: 'file', name: path, declared: 'from the image', actual, weaker: null, process: null }
    })
  return [...evidence.processes.flatMap((process) => executable(evidence, process)), ...programs]
}
