/** Where results lie between a worker and the case: files with names, each of them there whole or not at all. */

import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { makeFolder } from '../../make-folder.js'
import type { BatchId } from './queued.js'

/** `over`: nobody waits for results of this batch any more. `away`: from here the place cannot be reached. */
export type PlaceState = 'open' | 'over' | 'away'

/** The part of a place that belongs to one batch. */
export interface Place {
  readonly open: () => Promise<void>
  readonly state: () => Promise<PlaceState>
  readonly names: () => Promise<readonly string[]>
  readonly has: (name: string) => Promise<boolean>
  /** Takes a file in; false where the batch is over. One that is there already is as good as this one. */
  readonly put: (name: string, file: string) => Promise<boolean>
  /** Copies one out; false where it is not there. */
  readonly get: (name: string, file: string) => Promise<boolean>
  readonly remove: (name: string) => Promise<void>
  /** The batch is over: nothing of it stays. */
  readonly close: () => Promise<void>
}

const PART = '.part'
/** Of a mode: writing by its group and by all, and all that chmod(2) sets. */
const WRITE_BY_OTHERS = 0o022
const PERMISSIONS = 0o7777

/** A folder that all machines have under the same path. */
export class SharedFolder implements Place {
  private readonly folder: string

  constructor(
    private readonly root: string,
    batch: BatchId,
  ) {
    this.folder = join(root, `salvor-${batch}`)
  }

  async open(): Promise<void> {
    if (existsSync(this.folder)) return
    makeFolder(this.folder)
    // Whoever may write to the place may write to this: workers run as other users, too.
    const { mode } = statSync(this.root)
    if ((mode & WRITE_BY_OTHERS) !== 0) chmodSync(this.folder, mode & PERMISSIONS)
  }

  async state(): Promise<PlaceState> {
    if (existsSync(this.folder)) return 'open'
    return isAbsolute(this.root) && existsSync(this.root) ? 'over' : 'away'
  }

  async names(): Promise<readonly string[]> {
    return readdirSync(this.folder).filter((name) => !name.endsWith(PART))
  }

  async has(name: string): Promise<boolean> {
    return existsSync(join(this.folder, name))
  }

  async put(name: string, file: string): Promise<boolean> {
    const path = join(this.folder, name)
    const part = `${path}.${randomBytes(6).toString('hex')}${PART}`
    try {
      copyFileSync(file, part, constants.COPYFILE_EXCL)
      toDisk(part)
      renameSync(part, path)
      return true
    } catch (error) {
      // A batch that ends takes its folder away under whoever writes into it.
      if ((await this.state()) === 'over') return false
      rmSync(part, { force: true })
      throw error
    }
  }

  async get(name: string, file: string): Promise<boolean> {
    try {
      copyFileSync(join(this.folder, name), file)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }

  async remove(name: string): Promise<void> {
    rmSync(join(this.folder, name), { force: true })
  }

  async close(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

function toDisk(path: string): void {
  const descriptor = openSync(path, 'r+')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
