/** Access keys: in memory, and what CloudTrail says was called with them. */

import { append } from '../../append.js'
import type { Origin } from '../read.js'
import type { EvidenceRecord, KeyUseRecord } from '../records.js'
import { Held, type Join, type JoinRow, lean, NOWHERE, saidOf } from './join.js'
import type { Memory, MemoryKey } from './memory.js'

/** Calls of one kind with one key from one address. */
interface Calls {
  readonly record: KeyUseRecord
  readonly origin: Origin
  first: string | null
  last: string | null
  count: number
}

/** Holders of one key that are named in a row. */
const MOST_HOLDERS = 16

export class KeysJoin implements Join {
  private readonly calls = new Held<Calls>()
  private readonly origins = new Map<string, Origin>()

  constructor(private readonly memory: Memory) {}

  get leftOut(): number {
    return this.calls.leftOut
  }

  add(record: EvidenceRecord, origin: Origin): void {
    if (record.kind !== 'key-use') return
    this.origins.set(origin.file, origin)
    const { key, call, from, error, time } = record
    const id = [key, call, from, error].join(' ')
    const known = this.calls.get(id)
    if (known === undefined) {
      this.calls.set(id, { record: lean(record, this.calls.size), origin, first: time, last: time, count: 1 })
      return
    }
    known.count++
    if (time !== null && (known.first === null || time < known.first)) known.first = time
    if (time !== null && (known.last === null || time > known.last)) known.last = time
  }

  *rows(): Generator<JoinRow> {
    const [origin] = this.origins.values()
    if (origin === undefined) return
    const holders = this.holders()
    const used = new Set<string>()
    for (const calls of this.calls.values()) {
      used.add(calls.record.key)
      yield this.callsRow(calls, holders.get(calls.record.key) ?? [])
    }
    for (const [key, [holder]] of holders) {
      if (used.has(key) || holder === undefined) continue
      const row = { ...origin, kind: 'key-use' as const, time: null, subject: key, state: 'memory only' as const }
      yield { ...row, ...this.memory.placed(holder), detail: { where: holder.where, path: holder.path } }
    }
  }

  /** Who holds which key. */
  private holders(): ReadonlyMap<string, readonly MemoryKey[]> {
    const found = new Map<string, MemoryKey[]>()
    for (const key of this.memory.tables.keys) {
      if (key.kind === 'aws-access-key' && key.owner_account !== null) append(found, key.owner_account, key)
    }
    return found
  }

  private callsRow({ record, origin, first, last, count }: Calls, holders: readonly MemoryKey[]): JoinRow {
    const { key, call, from, agent, who, error } = record
    const row = { ...origin, kind: 'key-use' as const, time: last, subject: key }
    const detail = { call, from, agent, who, error, calls: count, first, ...saidOf(record) }
    const [holder] = holders
    if (holder === undefined) return { ...row, ...NOWHERE, state: 'evidence only', detail }
    const pids = holders.flatMap(({ pid }) => pid ?? []).slice(0, MOST_HOLDERS)
    const found = { ...detail, where: holder.where, path: holder.path, holders: pids.map(Number) }
    return { ...row, ...this.memory.placed(holder), state: 'both', detail: found }
  }
}
