/** Rules of nf_tables in words: in those of iptables where it is iptables-nft that keeps the table, else in nft's. */

import { addressSetNames } from '../kernel/ipset.js'
import type { Kernel } from '../kernel/kernel.js'
import { type NftSet, readNftSets } from '../kernel/nft-sets.js'
import { type NftChain, type NftRule, type NftTable, readNftTables } from '../kernel/nftables.js'
import type { Family } from './bytes.js'
import type { Translation } from './iptables-line.js'
import { iptablesLine } from './iptables-words.js'
import { type Statement, statementsOf } from './nft-statements.js'
import { leadingOf } from './nft-ways.js'
import { type Names, nftWords } from './nft-words.js'
import { setWords } from './set-words.js'

/** A rule, with the chain that it is in. */
export interface FirewallRule {
  /** Of the kernel's own object. */
  address: bigint
  net_ns: number | null
  family: string
  table: string | null
  chain: string | null
  /** Where the kernel enters the chain; null where other chains do. */
  hook: string | null
  priority: number | null
  policy: string | null
  /** Which one of its chain it is, the first being 1. */
  rule: number
  handle: bigint | null
  text: string | null
  /** What becomes of a packet. */
  target: string | null
  /** What a published port is made of; null where the rule is in nft's words. */
  translation: Translation | null
  packets: bigint | null
  bytes: bigint | null
  /** Whose words they are: `iptables` or `nft`. */
  syntax: string
  /** What keeps it in the kernel: `nf_tables` or `x_tables`. */
  backend: string
}

/** Tables with their sets, and what is called how in them. */
export interface NftRuleset {
  tables: readonly NftTable[]
  sets: readonly NftSet[]
  names: Names
}

/** Tables that iptables-nft keeps, and the names of the chains that the kernel enters there. */
const TABLES: ReadonlySet<string> = new Set(['filter', 'nat', 'mangle', 'raw', 'security'])
const CHAINS: ReadonlySet<string> = new Set(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'])

/** All of nf_tables; read once per image. */
export function readNftRuleset(kernel: Kernel): Readonly<NftRuleset> {
  return kernel.once(readRuleset)
}

function readRuleset(kernel: Kernel): NftRuleset {
  const { tables, lacks } = readNftTables(kernel)
  sayLack(kernel, 'nf_tables', 'nft_do_chain', lacks)
  const sets = readNftSets(
    kernel,
    tables.map(({ address }) => address),
  )
  const chains = new Map(tables.flatMap(({ chains }) => chains.map(({ address, name }) => [address, name] as const)))
  const byAddress = new Map(sets.map((set) => [set.address, set]))
  const chain = (address: bigint) => chains.get(address) ?? null
  const set: Names['set'] = (address, types) => {
    const found = byAddress.get(address)
    return found === undefined ? '@?' : found.anonymous ? setWords(found, types, chain) : `@${found.name}`
  }
  return { tables, sets, names: { chain, set } }
}

/** Why there are no rules: a module whose symbol is not known is not loaded, or its symbols are lost. */
export function sayLack(kernel: Kernel, module: string, symbol: string, lacks: string | null): void {
  if (lacks === null) return
  const isLoaded = kernel.symbolAddress(symbol) !== null
  const why = isLoaded ? lacks : 'it is not loaded, or its symbols are lost'
  kernel.warn({ code: isLoaded ? 'unreadable' : 'absent', message: `no rules of ${module} are known: ${why}` })
}

/** Every rule of nf_tables, in the order of namespaces, tables and chains. */
export function nftRules(kernel: Kernel): FirewallRule[] {
  const { names } = readNftRuleset(kernel)
  const setNames = addressSetNames(kernel)
  return everyRule(kernel, ({ table, chain, rule, statements, number }) => [
    { ...placed(table, chain, rule, number), ...worded(table, chain, rule, statements, names, setNames) },
  ])
}

/** What is behind the ports that rules publish: where a verdict map decides, each of its elements is a way of its own. */
export type Way = Pick<FirewallRule, 'net_ns' | 'family' | 'table' | 'backend' | 'chain' | 'target' | 'translation'>

/** Where every rule of nf_tables leads. */
export function nftWays(kernel: Kernel): Way[] {
  const { names, sets } = readNftRuleset(kernel)
  const setNames = addressSetNames(kernel)
  const byAddress = new Map(sets.map((set) => [set.address, set]))
  return everyRule(kernel, ({ table, chain, rule, statements, number }): Way[] => {
    const place = placed(table, chain, rule, number)
    if (isIptables(table)) return [{ ...place, ...worded(table, chain, rule, statements, names, setNames) }]
    const leading = leadingOf(table.family, statements, rule.comment, names, (set) => byAddress.get(set))
    return leading.map((way) => ({ ...place, ...way }))
  })
}

interface Read {
  table: NftTable
  chain: NftChain
  rule: NftRule
  statements: Statement[]
  /** Which one of its chain it is, the first being 1. */
  number: number
}

function everyRule<T>(kernel: Kernel, make: (read: Read) => T[]): T[] {
  const { tables, sets } = readNftRuleset(kernel)
  const shapes = new Map(sets.map((set) => [set.address, set]))
  const shapeOf = (set: bigint) => {
    const found = shapes.get(set)
    return found && { keyLength: found.keyLength, gives: found.gives === 'object' ? null : found.gives }
  }
  return tables.flatMap((table) =>
    table.chains.flatMap((chain) =>
      chain.rules.flatMap((rule, at) => {
        const statements = statementsOf(rule.expressions, shapeOf)
        return make({ table, chain, rule, statements, number: at + 1 })
      }),
    ),
  )
}

type Words = Pick<FirewallRule, 'text' | 'target' | 'translation' | 'syntax' | 'packets' | 'bytes'>

function placed(table: NftTable, chain: NftChain, rule: NftRule, number: number): Omit<FirewallRule, keyof Words> {
  return {
    address: rule.address,
    net_ns: table.net_ns,
    family: table.family,
    table: table.name,
    chain: chain.name,
    hook: chain.base?.hook ?? null,
    priority: chain.base?.priority ?? null,
    policy: chain.base?.policy ?? null,
    rule: number,
    handle: rule.handle,
    backend: 'nf_tables',
  }
}

function worded(
  table: NftTable,
  chain: NftChain,
  { comment, expressions }: NftRule,
  statements: readonly Statement[],
  names: Names,
  setNames: ReturnType<typeof addressSetNames>,
): Words {
  const setName = (index: number) => setNames(table.net_ns, index)
  const line = isIptables(table)
    ? iptablesLine(chain.name ?? '?', table.family as Family, statements, comment, names.chain, setName)
    : null
  const words = line === null ? nftWords(table.family, statements, comment, names) : []
  return {
    text: line?.text ?? (expressions.length === 0 ? null : words.join(' ')),
    target: line === null ? (words.at(-1) ?? null) : line.target,
    translation: line?.translation ?? null,
    syntax: line === null ? 'nft' : 'iptables',
    ...countsOf(statements),
  }
}

/** Whether iptables-nft keeps the table: chains that users of nft make have other names, or none that is entered. */
function isIptables({ family, name, chains }: NftTable): boolean {
  const base = chains.filter(({ base }) => base !== null)
  return (
    (family === 'ip' || family === 'ip6') && TABLES.has(name ?? '') && base.every(({ name }) => CHAINS.has(name ?? ''))
  )
}

function countsOf(statements: readonly Statement[]): { packets: bigint | null; bytes: bigint | null } {
  const counter = statements.find((statement) => statement.kind === 'other' && statement.expression === 'counter')
  const fields = counter?.kind === 'other' ? counter.fields : null
  const count = (name: string) => (typeof fields?.[name] === 'bigint' ? fields[name] : null)
  return { packets: count('packets'), bytes: count('bytes') }
}
