/** Ports and addresses behind which another address answers, by the rules that send packets there. */

import { append } from '../append.js'
import type { Way } from './rules.js'

/** A port that leads elsewhere. */
export interface Published {
  net_ns: number | null
  protocol: string | null
  /** The address that is called; null for any of the host's. */
  address: string | null
  port: number | null
  /** The last one of a range. */
  last_port: number | null
  target: string
  target_port: number | null
  /** What the rule says of itself. */
  comment: string | null
}

/** Chains on the way from a port to what answers: of kube-proxy's there are three. */
const DEEPEST = 8
/** What one port leads to: a service of more endpoints than any cluster has. */
const MOST_TARGETS = 65_536

const keyOf = ({ net_ns, family, table, backend }: Way, chain: string | null) =>
  [net_ns, family, table, backend, chain].join(' ')

/** Each port with each address behind it, in the order of rules; those that only the host itself can call are left out. */
export function publishedBy(rules: readonly Way[]): Published[] {
  const chains = new Map<string, Way[]>()
  for (const rule of rules) append(chains, keyOf(rule, rule.chain), rule)
  return rules.flatMap((rule): Published[] => {
    const { translation } = rule
    if (translation === null || translation.port === null || isLoopback(translation.destination)) return []
    const targets = translation.to === null ? behind(rule, chains) : [translation.to]
    const [port = null, last = port] = translation.port.split(':').map(Number)
    return targets.map((to) => ({
      net_ns: rule.net_ns,
      protocol: translation.protocol,
      address: translation.destination?.replace(/\/(32|128)$/, '') ?? null,
      port,
      last_port: last,
      ...endpoint(to),
      comment: translation.comment,
    }))
  })
}

/** Where rules send packets in the chains that a rule leads to. One that asks for a port itself is a port of its own. */
function behind(rule: Way, chains: ReadonlyMap<string, readonly Way[]>): string[] {
  const targets = new Set<string>()
  const seen = new Set<string>()
  let next = [keyOf(rule, rule.target)]
  for (let depth = 0; depth < DEEPEST && next.length > 0; depth++) {
    const entered = next.flatMap((chain) => (seen.has(chain) ? [] : (chains.get(chain) ?? [])))
    for (const chain of next) seen.add(chain)
    const open = entered.filter(({ translation }) => translation?.port === null)
    for (const { translation } of open) {
      if (translation?.to != null && targets.size < MOST_TARGETS) targets.add(translation.to)
    }
    next = [...new Set(open.map((inner) => keyOf(inner, inner.target)))]
  }
  return [...targets]
}

function isLoopback(destination: string | null): boolean {
  return destination?.startsWith('127.') === true || destination?.startsWith('::1/') === true
}

/** `10.0.0.2:80`, `[fd00::2]:80`, or an address alone; of ranges the first. */
function endpoint(to: string): { target: string; target_port: number | null } {
  const isAlone = !to.startsWith('[') && to.indexOf(':') !== to.lastIndexOf(':')
  const colon = isAlone ? -1 : to.lastIndexOf(':')
  const address = colon === -1 ? to : to.slice(0, colon)
  const port = colon === -1 ? Number.NaN : Number.parseInt(to.slice(colon + 1), 10)
  return { target: address.replace(/[[\]]/g, ''), target_port: Number.isNaN(port) ? null : port }
}
