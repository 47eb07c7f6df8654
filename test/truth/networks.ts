/** What guests recorded of their network namespaces, and who owns one. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { samples, sharedImages, type TruthImage, type TruthProcess } from './images.js'

/** A namespace by its inode, with what was recorded in it. */
export interface Network {
  inode: number
  /** The container of its oldest process; null for the host's. */
  container: string | null
  text(file: string): string
  json<T>(file: string): T
}

/** The shared images, and the samples that were made when their networks were recorded. */
export function networkImages(): TruthImage[] {
  return [...samples().filter((image) => image.has('net')), ...sharedImages()]
}

export function networks(image: TruthImage): Network[] {
  const owners = namespaceOwners(image)
  return readdirSync(join(image.folder, 'truth', 'net')).map((name) => ({
    inode: Number(name),
    container: owners.get(Number(name)) ?? null,
    text: (file) => image.text(`net/${name}/${file}`),
    json: <T>(file: string) => image.truth<T>(`net/${name}/${file}`),
  }))
}

/** A container's id in the path of a cgroup. */
export function containerOf({ cgroup }: Pick<TruthProcess, 'cgroup'>): string | null {
  const paths = cgroup.join('\n')
  // Bare containerd makes a folder below that of its namespace.
  const plain = () => /^0::\/(?:default|lab)\/([\w-]+)$/.exec(paths)?.[1] ?? null
  return /([0-9a-f]{64})(?:\.scope)?(?:\/|$)/.exec(paths)?.[1] ?? plain()
}

function namespaceOwners(image: TruthImage): Map<number, string | null> {
  const oldest = new Map<number, TruthProcess>()
  for (const process of image.processes()) {
    const net = process.ns.net ?? 0
    const other = oldest.get(net)
    const older = other === undefined || process.starttime_ticks < other.starttime_ticks
    if (other?.pid !== 1 && older) oldest.set(net, process)
  }
  return new Map([...oldest].map(([net, process]) => [net, process.pid === 1 ? null : containerOf(process)]))
}
