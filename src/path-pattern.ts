/** Characters of a pattern that is looked at: a path has no more (PATH_MAX). */
const LONGEST = 4096

/** A character, or what stands for some; `skip` takes no character, and says how many tokens may be left out after it. */
type Token = { readonly star: boolean; readonly folders: boolean } | { readonly skip: number } | string

/** `**` is anything, and with a slash after it no folder or more; `*` is anything without a slash, `?` one such character. */
function tokens(pattern: string): Token[] {
  const parts = pattern.slice(0, LONGEST).split(/((?<=^|\/)\*\*\/|\*\*|\*|\?)/)
  return parts.flatMap((part): Token[] => {
    if (part === '**/') return [{ skip: 2 }, { star: true, folders: true }, '/']
    if (part === '**' || part === '*') return [{ star: true, folders: part === '**' }]
    return part === '?' ? [{ star: false, folders: false }] : [...part]
  })
}

/**
 * Whether a path is of a pattern: `*` and `?` within a name, `**` over folders. All ways to match are followed at once, so
 * that it takes as many steps as both are long, whatever either holds.
 */
export function pathFits(pattern: string, path: string): boolean {
  return follow(pattern, path, false)
}

/** Whether a path is of a pattern, or in a folder that is. */
export function pathIsIn(pattern: string, path: string): boolean {
  return follow(pattern.endsWith('/') ? pattern.slice(0, -1) : pattern, path, true)
}

function follow(pattern: string, path: string, isFolder: boolean): boolean {
  const all = tokens(pattern)
  let places = closure(all, new Set([0]))
  for (const character of path) {
    if (isFolder && character === '/' && places.has(all.length)) return true
    places = closure(all, step(all, places, character))
    if (places.size === 0) return false
  }
  return places.has(all.length)
}

/** The places that are reached by a character. */
function step(all: readonly Token[], places: ReadonlySet<number>, character: string): Set<number> {
  const next = new Set<number>()
  for (const place of places) {
    const token = all[place]
    if (token === undefined || (typeof token === 'object' && 'skip' in token)) continue
    if (typeof token === 'string') {
      if (token === character) next.add(place + 1)
    } else if (token.folders || character !== '/') next.add(token.star ? place : place + 1)
  }
  return next
}

/** The places that are reached without another character: a star may stand for nothing. */
function closure(all: readonly Token[], places: Set<number>): Set<number> {
  for (const place of places) {
    const token = all[place]
    if (typeof token !== 'object') continue
    if ('skip' in token) places.add(place + 1).add(place + 1 + token.skip)
    else if (token.star) places.add(place + 1)
  }
  return places
}
