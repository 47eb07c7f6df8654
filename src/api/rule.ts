/** A rule: what of the tables looks like an intrusion, and what that means. */

import type { Column, Columns, Row } from './columns.js'
import type { Need, Needs } from './needs.js'

export const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical'] as const
/** How bad it is if the finding is right. */
export type Severity = (typeof SEVERITIES)[number]

export const CONFIDENCES = ['low', 'medium', 'high'] as const
/** How likely it is that the finding is right. */
export type Confidence = (typeof CONFIDENCES)[number]

/** MITRE ATT&CK's tactics for what runs on a host, as its pages call them. */
export const TACTICS = [
  'initial-access',
  'execution',
  'persistence',
  'privilege-escalation',
  'defense-evasion',
  'credential-access',
  'discovery',
  'lateral-movement',
  'collection',
  'command-and-control',
  'exfiltration',
  'impact',
] as const
export type Tactic = (typeof TACTICS)[number]

/** A table as a rule reads it. Rows are made once for all rules. */
export interface RuleTable<C extends Columns = Columns> {
  readonly rows: readonly Row<C>[]
  /** The rows that have this value in a column; the index is made once for all rules. */
  where<K extends keyof C & string>(column: K, value: Row<C>[K]): readonly Row<C>[]
}

/** What a rule gets for a table that it can do without. */
type Given<N> = N extends Need<infer C, infer O> ? (O extends true ? RuleTable<C> | null : RuleTable<C>) : never

/** The tables that a rule reads. */
export type RuleTables<N extends Needs> = { readonly [K in keyof N]: Given<N[K]> }

/** Of whom a finding speaks; any row of a process or container will do. */
export interface Subject {
  readonly pid?: number | bigint | null
  readonly comm?: string | null
  readonly container?: string | null
}

export interface Finding {
  /** The process or container that it is about; left out where it is about the host. */
  readonly about?: Subject
  /** One plain sentence, without a full stop. What comes from the image goes through `quote`. */
  readonly summary: string
  /** Rows of the tables that the rule reads. */
  readonly evidence: readonly object[]
  /** Where this one is worse or less bad than the rule says. */
  readonly severity?: Severity
  readonly confidence?: Confidence
}

/** A container as rules know it. */
export type KnownContainer = Row<{
  id: Column<'text'>
  name: Column<'text'>
  kind: Column<'text'>
  runtime: Column<'text'>
  image: Column<'text'>
  state: Column<'text'>
  init_pid: Column<'integer'>
  pod_name: Column<'text'>
  pod_namespace: Column<'text'>
  privileged: Column<'flag'>
}>

/** What every rule may ask beside its tables. */
export interface Known {
  /** A container by its id. */
  container(id: string | null | undefined): KnownContainer | undefined
  /** Why a container is privileged by design (kube-proxy, network plugins, node agents …), or null. */
  byDesign(id: string | null | undefined): string | null
}

/** The part of a rule that is data. */
export interface RuleDeclaration<N extends Needs = Needs> {
  /** In lower case with dashes; it is switched off by it. */
  readonly name: string
  readonly title: string
  /** What it means where it is found, in a sentence or two. */
  readonly means: string
  /** What to do next, a sentence each. */
  readonly next: readonly string[]
  readonly tactic: Tactic
  /** ATT&CK techniques: `T1611`, `T1059.004`. */
  readonly attack: readonly string[]
  /** Ids of the threat matrix for Kubernetes: `MS-TA9018`. */
  readonly kubernetes?: readonly string[]
  readonly severity: Severity
  readonly confidence: Confidence
  /** The tables that it reads, by `need` and `optional`. */
  readonly reads: N
}

export interface Rule<N extends Needs = Needs> extends RuleDeclaration<N> {
  find(tables: RuleTables<N>, known: Known): Iterable<Finding>
  /** Why it would say nothing over these tables, because what it looks at is not in them; else null. */
  lacks?(tables: RuleTables<N>): string | null
}

/** The name under which a table comes to who evaluates rules: equal needs of several rules have one. */
export function needName({ analyzer, options }: Need): string {
  return options === undefined ? analyzer : `${analyzer} ${JSON.stringify(options)}`
}

/** All tables that some rules read. None is needed so much that the others' findings would be lost with it. */
export function needsOf(rules: readonly RuleDeclaration[]): Record<string, Need<Columns, true>> {
  const needs = rules.flatMap(({ reads }) => Object.values(reads))
  return Object.fromEntries(needs.map((need) => [needName(need), { ...need, optional: true as const }]))
}

/** Declares a rule. It returns its argument; its use is the types. */
export function defineRule<const N extends Needs>(rule: Rule<N>): Rule<N> {
  return rule
}
