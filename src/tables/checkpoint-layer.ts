/** The upper layer of a container as an archive of a checkpoint has it. */

import type { TarMember, TarWriter } from '../containers/checkpoint/tar.js'
import type { Kernel } from '../kernel/kernel.js'
import { text } from '../kernel/query.js'
import { type FileRow, isWhiteout } from './files.js'

/** PATH_MAX (include/uapi/linux/limits.h). */
const PATH_MAX = 4096
/** Bits beyond those of rwx, by the place of the letter that tells of each. */
const SPECIAL: Readonly<Record<number, number>> = { 3: 0o4000, 6: 0o2000, 9: 0o1000 }

/** Files of an upper layer on their way into a tar. */
export class Layer {
  files = 0
  leftOut = 0
  /** Paths of files of which memory lacks pages. */
  readonly partial: string[] = []
  readonly #kernel: Kernel
  readonly #targets: ReadonlyMap<bigint, string>

  constructor(kernel: Kernel, targets: ReadonlyMap<bigint, string>) {
    this.#kernel = kernel
    this.#targets = targets
  }

  async write(tar: TarWriter, upper: readonly { path: string; file: FileRow }[]): Promise<void> {
    for (const { path, file } of upper) {
      if (isWhiteout(file)) continue
      const member = memberOf(path, file, this.#targets.get(file.address) ?? null)
      if (member === null) this.leftOut++
      else if (member.type === 'File') await this.#file(tar, member, path, file)
      else {
        tar.add(member)
        this.files++
      }
    }
  }

  async #file(tar: TarWriter, member: TarMember, path: string, file: FileRow): Promise<void> {
    const contents = this.#kernel.fileContents(file.contents)
    if (contents === null || !Number.isSafeInteger(contents.size)) {
      this.leftOut++
      return
    }
    const runs = [...contents.runs()]
    // Of a file of which there is nothing not even its zeros are told.
    if (contents.size > 0 && !runs.some(({ state }) => state === 'present' || state === 'hole')) {
      this.leftOut++
      return
    }
    if (runs.some(({ state }) => state !== 'present' && state !== 'hole')) this.partial.push(path)
    await tar.contents(member, contents.size, async (put) => {
      await contents.copyTo({ write: put })
    })
    this.files++
  }
}

/** Null for what no archive may have, or is not told. */
function memberOf(path: string, { type, uid, gid, mode, modified }: FileRow, target: string | null): TarMember | null {
  const names = path.split('/').filter((name) => name !== '')
  if (names.length === 0 || names.some((name) => name === '.' || name === '..' || name.includes('\0'))) return null
  const about = {
    mode: permissionsOf(mode ?? ''),
    uid: uid ?? 0,
    gid: gid ?? 0,
    modified: modified === null ? undefined : new Date(modified),
  }
  const plain = names.join('/')
  if (type === 'directory') return { ...about, path: `${plain}/`, type: 'Directory' }
  if (type === 'symlink') return target === null ? null : { ...about, path: plain, type: 'SymbolicLink', target }
  return type === 'file' ? { ...about, path: plain, type: 'File' } : null
}

/** Bits of a mode as `ls` has it: `-rwsr-xr-x`. */
function permissionsOf(mode: string): number {
  return [...mode].reduce((bits, letter, place) => {
    if (place === 0 || letter === '-') return bits
    const own = /[ST]/.test(letter) ? 0 : 1 << (9 - place)
    return bits | own | (/[sStT]/.test(letter) ? (SPECIAL[place] ?? 0) : 0)
  }, 0)
}

/** Where links lead, by their inodes. */
export function linkTargets(kernel: Kernel, upper: readonly { file: FileRow }[]): Map<bigint, string> {
  const links = upper.filter(({ file }) => file.type === 'symlink')
  const batch = kernel
    .at(
      links.map(({ file }) => file.address),
      'struct inode',
    )
    .select({ target: text('i_link', PATH_MAX) })
  const found = Array.from(
    { length: batch.length },
    (_, row) => [batch.address(row), batch.column('target').text(row)] as const,
  )
  return new Map(found.flatMap(([address, target]) => (target === null || target === '' ? [] : [[address, target]])))
}
