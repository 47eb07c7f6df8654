/** What a command may write to: never what it reads, and an existing file only when told to. */

import {
  accessSync,
  type BigIntStats,
  constants,
  fstatSync,
  lstatSync,
  readdirSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { SalvorError } from '../engine/errors.js'

/** What every writer of a run has to respect. */
export interface Guard {
  readonly inputs: Inputs
  /** Whether an existing file may be replaced. */
  readonly force: boolean
}

/** What is at a path, with links followed; undefined where nothing is. */
function look(path: string): Stats | undefined {
  return ifThere(path, () => statSync(path))
}

/** Answers undefined where there is nothing at a path, and tells every other trouble with it. */
function ifThere<T>(path: string, ask: () => T): T | undefined {
  try {
    return ask()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw outputFailure(path, error)
  }
}

/** Whether anything is at a path, a link to nothing too. */
export function isThere(path: string): boolean {
  return ifThere(path, () => lstatSync(path)) !== undefined
}

function identity({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`
}

/** A path without symbolic links, as far as it exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const above = dirname(resolve(path))
    return above === resolve(path) ? above : join(realPath(above), basename(path))
  }
}

/** The files that a run reads: images and plugins. */
export class Inputs {
  private readonly byPath = new Map<string, string>()
  private readonly byFile = new Map<string, string>()

  constructor(paths: Iterable<string> = []) {
    for (const path of paths) {
      this.byPath.set(realPath(path), path)
      try {
        this.byFile.set(identity(statSync(path, { bigint: true })), path)
      } catch {
        // Whoever opens it tells what is wrong with it.
      }
    }
  }

  /** Refuses a path that leads to an input, be it by the same name, a symbolic link or a hard link. */
  refuse(path: string): void {
    const found = ifThere(path, () => statSync(path, { bigint: true }))
    const input = this.byPath.get(realPath(path)) ?? (found && this.byFile.get(identity(found)))
    if (input !== undefined) refuseInput(path, input)
  }

  /** Refuses a folder that an input lies in: what analyzers write there would stand beside evidence. */
  refuseAround(folder: string): void {
    const real = realPath(folder)
    for (const [path, input] of this.byPath) {
      if (path.startsWith(real === sep ? sep : `${real}${sep}`)) {
        throw new SalvorError('USAGE', `${input} is read by this run and lies in ${folder}: name another folder`)
      }
    }
  }

  /** Refuses an open file, for standard output may be appended to an image. */
  refuseDescriptor(name: string, descriptor: number): void {
    const input = this.byFile.get(identity(fstatSync(descriptor, { bigint: true })))
    if (input !== undefined) refuseInput(name, input)
  }
}

function refuseInput(output: string, input: string): never {
  const what = output === input ? `${output} is read` : `${output} is the same file as ${input}, which is read`
  throw new SalvorError('USAGE', `${what} by this run: write to another file`)
}

export function refuseExisting(path: string): never {
  throw new SalvorError('USAGE', `${path} is there already: --force replaces it`)
}

const descriptorPath = /^\/(?:dev\/(?:std(?<name>out|err)|fd\/(?<own>\d+))|proc\/self\/fd\/(?<self>\d+))$/

/** The number behind a name such as /dev/stdout, which leads to a file that the shell may have opened. */
export function descriptorOf(path: string): number | undefined {
  const groups = descriptorPath.exec(path)?.groups
  if (groups === undefined) return undefined
  if (groups.name !== undefined) return groups.name === 'out' ? 1 : 2
  return Number(groups.own ?? groups.self)
}

/** Whether a path is written to as it is, because renaming over it would replace it: a device, a pipe, a socket. */
export function isStream(path: string): boolean {
  if (descriptorOf(path) !== undefined) return true
  const found = look(path)
  return found !== undefined && !found.isFile() && !found.isDirectory()
}

/** Says before a long run what would do harm at its end. The folder need not exist yet. */
export function checkName(path: string, { inputs, force }: Guard): void {
  inputs.refuse(path)
  const found = look(path)
  if (found?.isBlockDevice()) throw new SalvorError('USAGE', `${path} is a disk, and nothing is written to disks`)
  if (isStream(path)) return
  if (found?.isDirectory() || path.endsWith('/')) throw new SalvorError('USAGE', `--output ${path} is a directory`)
  // A symbolic link to nothing is there, too.
  if (!force && isThere(path)) refuseExisting(path)
}

/** Says before a long run what would fail, or do harm, at its end. */
export function checkTarget(path: string, guard: Guard): void {
  checkName(path, guard)
  if (isStream(path)) return
  const folder = dirname(path)
  if (look(folder)?.isDirectory() !== true) {
    throw new SalvorError('USAGE', `--output ${path}: there is no directory ${folder}`)
  }
  checkFolder(path, folder)
}

/** Checks a folder that several files go to, and that need not exist yet. */
export function checkTargetFolder(
  folder: string,
  { inputs }: Guard,
  option = '--output',
  why = 'several CSV tables need one',
): void {
  inputs.refuse(folder)
  let above = resolve(folder)
  while (!isThere(above)) above = dirname(above)
  if (look(above)?.isDirectory() !== true) {
    const what = above === resolve(folder) ? `${folder} is no directory` : `${above} is no directory`
    throw new SalvorError('USAGE', `${option} ${what}, and ${why}`)
  }
  checkFolder(folder, above)
}

/** Checks the folder of analyzers' files, which need not exist yet: what is in it already may be somebody's evidence. */
export function checkArtifactFolder(folder: string, guard: Guard): void {
  checkTargetFolder(folder, guard, '--output-dir', 'files need a directory')
  guard.inputs.refuseAround(folder)
  const found = ifThere(folder, () => readdirSync(folder)) ?? []
  if (found.length > 0 && !guard.force) {
    throw new SalvorError('USAGE', `${folder} is not empty: --force writes beside what is in it`)
  }
}

function checkFolder(path: string, folder: string): void {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw outputFailure(path, error)
  }
}

/** Errors that say the target was never one; all others come up while it is written. */
const wrongTarget: ReadonlySet<unknown> = new Set([
  'EACCES',
  'EEXIST',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOENT',
  'ENOTDIR',
  'ENXIO',
  'EPERM',
  'EROFS',
])

/** A failed write as one line; a target that cannot be written to is the user's mistake, a full disk is not. */
export function outputFailure(name: string, error: unknown): SalvorError {
  if (error instanceof SalvorError) return error
  const { code, message } = error as NodeJS.ErrnoException
  // Node has it as `ENOSPC: no space left on device, write`.
  const reason = /^[A-Z\d]+: ([^,]+)/.exec(message)?.[1] ?? message
  const kind = wrongTarget.has(code) ? 'USAGE' : 'INTERNAL'
  return new SalvorError(kind, `${name} cannot be written: ${reason}`, { cause: error })
}

/** Whether a write failed because the disk, a quota or the system lets nothing more be written. */
export function isDiskFull(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code ?? '') || (cause instanceof Error && isDiskFull(cause))
}

/** Whether a write failed because nobody reads any more, which is no failure of the run. */
export function isReaderGone(error: unknown): boolean {
  return ((error as Error | undefined)?.cause as NodeJS.ErrnoException | undefined)?.code === 'EPIPE'
}
