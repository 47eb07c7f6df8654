import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MANIFEST_ENDING, MOST_BYTES } from '../acquire/manifest.js'
import { isAside } from '../batch/sources/folder.js'
import type { Look, Seen, WatchedPlace } from './place.js'

/** Of what `/proc/PID/fdinfo` calls flags: how a file was opened (O_ACCMODE), and that to read (O_RDONLY). */
const ACCESS_MODE = 0o3
const READ_ONLY = 0

/** A folder and those below it. Links lead elsewhere and are not followed. */
export function watchedFolder(root: string): WatchedPlace {
  return {
    beside: (path, name) => join(dirname(path), name),
    look: async () => {
      const found = { files: [] as Seen[], manifests: new Map<string, string>(), troubles: [] as string[] }
      if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true)
        return { ...found, troubles: [`${root}: there is no folder`], isAway: true }
      walk(root, found)
      return found
    },
  }
}

function walk(
  folder: string,
  into: Look & { files: Seen[]; manifests: Map<string, string>; troubles: string[] },
): void {
  const attempt = <T>(path: string, what: () => T): T | undefined => {
    try {
      return what()
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      // It went away meanwhile, unless its name cannot be said in UTF-8.
      if (code !== 'ENOENT' || path.includes('\ufffd')) into.troubles.push(message)
      return undefined
    }
  }
  for (const name of attempt(folder, () => readdirSync(folder).sort()) ?? []) {
    if (name.startsWith('.')) continue
    const path = join(folder, name)
    const facts = attempt(path, () => lstatSync(path, { bigint: true }))
    if (facts?.isDirectory()) walk(path, into)
    if (!facts?.isFile()) continue
    if (name.endsWith(MANIFEST_ENDING) && facts.size <= MOST_BYTES) {
      const text = attempt(path, () => readFileSync(path, 'utf8'))
      if (text !== undefined) into.manifests.set(path, text)
    }
    if (!isAside(name)) into.files.push(seen(path, facts))
  }
}

function seen(path: string, facts: BigIntStats): Seen {
  const { size, mtimeNs, dev, ino } = facts
  return {
    image: { path },
    bytes: Number(size),
    version: [size, mtimeNs, dev, ino].join(),
    isWritten: () => hasWriter(dev, ino),
  }
}

/** Whether a process that can be seen has a file open to write; what another machine does with it cannot be told. */
function hasWriter(dev: bigint, ino: bigint): boolean {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => list(`/proc/${pid}/fd`).some((descriptor) => writes(`/proc/${pid}`, descriptor, dev, ino)))
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // The process has ended, or is another user's.
    return []
  }
}

function writes(process: string, descriptor: string, dev: bigint, ino: bigint): boolean {
  try {
    const path = `${process}/fd/${descriptor}`
    if (!readlinkSync(path).startsWith('/')) return false
    const facts = statSync(path, { bigint: true })
    if (facts.dev !== dev || facts.ino !== ino) return false
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`${process}/fdinfo/${descriptor}`, 'utf8'))?.[1] ?? '0'
    return (Number.parseInt(flags, 8) & ACCESS_MODE) !== READ_ONLY
  } catch {
    return false
  }
}
