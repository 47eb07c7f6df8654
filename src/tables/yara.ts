/** What YARA rules find in memory, with what each place is and who pays for it. */

import type { Kernel } from '../kernel/kernel.js'
import { fileRuns, physicalRuns, processRuns, type YaraMatches, type YaraRules, yaraRules } from '../kernel/yara.js'
import { describePages, type PageOwner } from './pages.js'
import { isScoped, type SearchScope, scopedFiles, scopedProcesses } from './scopes.js'
import { type Found, surroundings } from './search.js'

/** A place at which a rule holds; where its condition asks for none it is the process or the file that was looked at. */
export interface YaraHit extends Omit<PageOwner, 'physical' | 'kind'> {
  rule: string
  pattern: string | null
  match: string | null
  length: number | null
  physical: bigint | null
  kind: string | null
}

interface Matched extends Found {
  readonly rule: string
  readonly pattern: string
  /** Whose memory was looked at. */
  readonly whose?: Partial<YaraHit>
}

const NOWHERE = {
  physical: null,
  kind: null,
  what: null,
  address: null,
  offset: null,
  pid: null,
  comm: null,
  processes: [],
  inode: null,
  device: null,
  cgroup: null,
  container: null,
  container_name: null,
  pod: null,
}

/**
 * Everything at which rules hold. Of all of memory a rule is held against the whole; of processes and files against each
 * by itself.
 */
export function yaraHits(
  kernel: Kernel,
  rules: { readonly name: string; readonly text: string },
  scope: SearchScope,
  most: number,
): YaraHit[] {
  const compiled = yaraRules(kernel, rules.name, rules.text)
  const found = isScoped(scope)
    ? [...inProcesses(kernel, compiled, scope), ...inFiles(kernel, compiled, scope)]
    : matched(kernel, compiled.scan(physicalRuns(kernel)))
  const kept = found.slice(0, kernel.capped('places', found.length, most))
  // What pages are is asked of half of the kernel.
  if (kept.length === 0) return []
  const placed = kept.filter(({ length }) => length > 0)
  const owners = describePages(
    kernel,
    placed.map(({ physical }) => physical),
  )
  const around = surroundings(kernel, placed, 0)
  const byMatch = new Map(placed.map((match, row) => [match, { ...owners[row], match: around(row).match }]))
  return kept.map((match) => {
    const { rule, pattern, seen, whose, length } = match
    const place = byMatch.get(match)
    if (place === undefined) return { ...NOWHERE, ...whose, rule, pattern: null, match: null, length: null }
    return { ...NOWHERE, ...place, ...seen, rule, pattern, length }
  })
}

function matched(kernel: Kernel, matches: YaraMatches): Matched[] {
  if (matches.capped) kernel.warn({ code: 'cap', message: 'more may match than is told: too much of it or of memory' })
  return matches.rules.map((rule, row) => ({
    rule,
    pattern: matches.patterns[row] ?? '',
    physical: matches.physical[row] ?? 0n,
    length: matches.lengths[row] ?? 0,
    which: 0,
  }))
}

function inProcesses(kernel: Kernel, rules: YaraRules, scope: SearchScope): Matched[] {
  return scopedProcesses(kernel, scope).flatMap(([mm, whose]) => {
    const runs = processRuns(kernel, mm)
    if (runs === null) return []
    const found = rules.scan(runs)
    const { pid, comm } = whose
    return matched(kernel, found).map((match, row) => ({
      ...match,
      whose,
      seen: { pid, comm, address: found.addresses[row] ?? 0n },
    }))
  })
}

function inFiles(kernel: Kernel, rules: YaraRules, scope: SearchScope): Matched[] {
  return scopedFiles(kernel, scope).flatMap(({ address, path, inode, device }) => {
    const file = address === null ? null : fileRuns(kernel, address)
    const found = file === null ? [] : matched(kernel, rules.scan(file.runs, file.size))
    return found.map((match) => ({ ...match, whose: { what: path, inode, device } }))
  })
}
