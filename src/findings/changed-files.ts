/** Files that were written after the host, or after their container, was started. */

import type { Finding } from '../api/rule.js'
import { quote } from './quote.js'
import { upperLayers } from './upper-layers.js'

interface FileLike {
  readonly path: string | null
  readonly type: string | null
  readonly mount_id: number | bigint | null
  readonly modified: string | null
  readonly deleted: boolean | null
}

interface Tables<F extends FileLike> {
  readonly files: { where(column: 'container', value: string | null): readonly F[] }
  readonly mounts: Parameters<typeof upperLayers>[0]
  readonly info: { readonly rows: readonly { readonly boot_time: string | null }[] }
  readonly containers: { readonly rows: readonly { readonly id: string | null; readonly started: string | null }[] }
}

export interface ChangedFile<F> {
  readonly file: F
  /** In the container, or on the host. */
  readonly path: string
  readonly container: string | null
}

/** What a host writes while it boots, and a container while it starts, in milliseconds. */
const STARTING = { host: 120_000, container: 30_000 }

/**
 * Files whose path fits and whose contents were changed later than what starting itself changes. Files of packages keep
 * the time at which they were built, so that installing them later is not told.
 */
export function* changedFiles<F extends FileLike>(tables: Tables<F>, pattern: RegExp): Generator<ChangedFile<F>> {
  const { files, mounts, info, containers } = tables
  const booted = timeOf(info.rows[0]?.boot_time) + STARTING.host
  for (const file of files.where('container', null)) {
    if (file.path === null || file.mount_id === null || !pattern.test(file.path)) continue
    if (isChanged(file, booted)) yield { file, path: file.path, container: null }
  }
  const upperOf = upperLayers(mounts, files)
  for (const { id, started } of containers.rows) {
    for (const [path, file] of upperOf(id)?.files ?? []) {
      if (pattern.test(path) && isChanged(file, timeOf(started) + STARTING.container))
        yield { file, path, container: id }
    }
  }
}

/** What every rule over changed files says of one. */
export function changeFinding({ file, path, container }: ChangedFile<FileLike>): Finding {
  return { about: { container }, summary: `${quote(path)} was written at ${file.modified}`, evidence: [file] }
}

function isChanged({ type, deleted, modified }: FileLike, since: number): boolean {
  return type === 'file' && deleted !== true && timeOf(modified) > since
}

/** Milliseconds; NaN, which is neither before nor after, where it is unknown. */
function timeOf(time: string | null | undefined): number {
  return Date.parse(time ?? '')
}
