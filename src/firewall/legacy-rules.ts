/** Rules of x_tables in iptables' words. */

import { addressSetNames } from '../kernel/ipset.js'
import type { Kernel } from '../kernel/kernel.js'
import { readExtensions, readXtCounters, readXtTables } from '../kernel/xtables.js'
import { entriesOf, extensionsOf, legacyRules } from './legacy.js'
import { type FirewallRule, sayLack } from './rules.js'

/** Every rule of iptables-legacy, in the order of families, namespaces, tables and chains. */
export function xtRules(kernel: Kernel): FirewallRule[] {
  const { tables, lacks } = readXtTables(kernel)
  sayLack(kernel, 'x_tables', 'xt_register_table', lacks)
  const parsed = tables.map((table) => ({ table, ...entriesOf(table.blob ?? new Uint8Array(), table.family) }))
  const torn = parsed.filter(({ isWhole }) => !isWhole).length
  if (torn > 0) kernel.warn({ code: 'torn', message: 'a table of x_tables ends in what is no entry', count: torn })
  const entries = parsed.flatMap(({ entries }) => entries)
  const matches = readExtensions(kernel, extensionsOf(entries, 'match'))
  const targets = readExtensions(kernel, extensionsOf(entries, 'target'))
  const setNames = addressSetNames(kernel)
  const rules = parsed.flatMap(({ table, entries }) =>
    legacyRules(table, entries, matches, targets, (index) => setNames(table.net_ns, index)).map((rule) => ({
      table,
      ...rule,
    })),
  )
  const counts = readXtCounters(
    kernel,
    rules.map(({ table, counters }) => table.entries + BigInt(counters)),
  )
  const uncounted = counts.filter((count) => count === null).length
  if (uncounted > 0) kernel.warn({ code: 'unreadable', message: "rules' counters could not be read", count: uncounted })
  return rules.map(({ table, chain, isBuiltin, policy, rule, text, target, translation, offset }, at) => ({
    address: table.entries + BigInt(offset),
    net_ns: table.net_ns,
    family: table.family,
    table: table.name,
    chain,
    hook: isBuiltin ? chain.toLowerCase() : null,
    priority: isBuiltin ? table.priority : null,
    policy,
    rule,
    handle: null,
    text,
    target,
    translation,
    packets: counts[at]?.[0] ?? null,
    bytes: counts[at]?.[1] ?? null,
    syntax: 'iptables',
    backend: 'x_tables',
  }))
}
