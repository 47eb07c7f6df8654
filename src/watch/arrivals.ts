/** Tells of uploads which are over, each once. */

import { type ManifestFile, readManifest } from '../acquire/manifest.js'
import type { NamedImage } from '../batch/sources/source.js'
import type { Look, Seen, WatchedPlace } from './place.js'

export interface ArrivalsOptions {
  /** Milliseconds that a file has to be as it is before it counts as whole. */
  readonly settle: number
  /** Hears once of what keeps an image from being taken. */
  readonly told: (trouble: string) => void
  readonly now?: () => number
}

interface Known {
  readonly version: string
  readonly since: number
  /** When it is handed out, if it is whole: never again, unless it is lost. */
  next: number
  losses: number
}

const LONGEST_PAUSE = 60 * 60_000

export class Arrivals {
  private known = new Map<string, Known>()
  private troubles = new Set<string>()
  private claims = new Map<string, ManifestFile>()
  /** Files that are there and not whole yet. */
  waiting = 0

  constructor(
    private readonly places: readonly WatchedPlace[],
    private readonly options: ArrivalsOptions,
  ) {}

  /** The images that are whole and were not handed out before. */
  async poll(): Promise<readonly NamedImage[]> {
    const looks = await Promise.all(this.places.map(async (place) => ({ place, look: await place.look() })))
    const troubles = looks.flatMap(({ look }) => look.troubles)
    this.claims = new Map(looks.flatMap(({ place, look }) => [...claimsOf(place, look)]))
    const files = new Map(looks.flatMap(({ look }) => look.files).map((seen) => [seen.image.path, seen]))
    // Of a place that is away nothing is forgotten.
    const isAway = looks.some(({ look }) => look.isAway)
    const known = new Map(isAway ? this.known : [])
    this.waiting = 0
    const ready: NamedImage[] = []
    for (const [path, seen] of files) {
      const now = this.options.now?.() ?? Date.now()
      const before = this.known.get(path)
      const entry =
        before?.version === seen.version ? before : { version: seen.version, since: now, next: 0, losses: 0 }
      known.set(path, entry)
      if (entry.next > now) continue
      const why = this.unfinished(seen, now - entry.since)
      if (why === null) {
        entry.next = Number.POSITIVE_INFINITY
        ready.push(seen.image)
      } else if (why !== 'no image') {
        this.waiting++
        if (why !== '') troubles.push(`${path}: ${why}`)
      }
    }
    this.known = known
    for (const trouble of troubles) if (!this.troubles.has(trouble)) this.options.told(trouble)
    this.troubles = new Set(troubles)
    return ready
  }

  /** An image that could not be had, or whose process ended: it is handed out again after a while. */
  lost(path: string): void {
    const entry = this.known.get(path)
    if (entry === undefined) return
    const { settle, now = Date.now } = this.options
    entry.losses++
    entry.next = now() + Math.min(settle * 2 ** entry.losses, LONGEST_PAUSE)
  }

  /** What the manifest beside an image says of it. */
  claim(path: string): ManifestFile | undefined {
    return this.claims.get(path)
  }

  /** Why a file is not taken: null where it is, and '' where nothing is wrong. */
  private unfinished(seen: Seen, unchanged: number): string | null {
    const { bytes, image, isWritten } = seen
    const claim = this.claims.get(image.path)
    if (claim !== undefined && claim.kind !== 'memory') return 'no image'
    const isSettled = unchanged >= this.options.settle
    if (claim !== undefined && claim.size === bytes) return null
    if (!isSettled || bytes === 0) return ''
    if (claim !== undefined) return `it has ${bytes} bytes, and its manifest says ${claim.size}`
    return isWritten?.() ? '' : null
  }
}

/** What manifests say of the files beside them. One that is not whole says nothing. */
function* claimsOf(place: WatchedPlace, { manifests }: Look): Generator<[string, ManifestFile]> {
  for (const [path, text] of manifests) {
    try {
      const { complete, files } = readManifest(text)
      if (complete) for (const file of files) yield [place.beside(path, file.name), file]
    } catch {
      // It is on its way, or is another program's.
    }
  }
}
