/** A NetworkPolicy of Kubernetes, as far as it can be held against addresses and ports. */

import { field, textMap } from '../../containers/json.js'
import type { Losses } from '../format.js'
import type { AllowedRecord } from '../records.js'
import { items, numeral, told } from '../values.js'

/** Addresses that pods may have: whom selectors choose is not known from the policy. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']

type Ports = AllowedRecord['ports']

/** What a policy allows the pods that it chooses; null where it has no name. */
export function networkPolicy(of: unknown, losses: Losses): readonly AllowedRecord[] | null {
  const [name, namespace] = [told(of, 'metadata', 'name'), told(of, 'metadata', 'namespace')]
  if (name === null || namespace === null) return null
  if (items(of, 'spec', 'podSelector', 'matchExpressions').length > 0) {
    losses.remark(`the network policy ${namespace}/${name} chooses pods by expressions, and is left out`)
    return []
  }
  const pods = { namespace, labels: textMap(of, 'spec', 'podSelector', 'matchLabels') }
  // The default of the API server, which fills the list in when the policy is made.
  const egress = field(of, 'spec', 'egress') === undefined ? ['Ingress'] : ['Ingress', 'Egress']
  const types = items(of, 'spec', 'policyTypes')
  return (types.length > 0 ? types : egress).flatMap((type) => {
    if (type !== 'Ingress' && type !== 'Egress') return []
    const [way, rules, peers] =
      type === 'Ingress' ? (['in', 'ingress', 'from'] as const) : (['out', 'egress', 'to'] as const)
    const allowed = items(of, 'spec', rules).flatMap((rule) => rulesOf(rule, peers, losses))
    // A policy without rules allows nothing, which has to be known.
    const none = { networks: NOWHERE, except: [], ports: [] }
    return (allowed.length > 0 ? allowed : [none]).map((one) => ({ kind: 'allowed' as const, way, pods, ...one }))
  })
}

/** No address is in it. */
const NOWHERE = ['255.255.255.255/32']

function rulesOf(rule: unknown, peers: string, losses: Losses): Pick<AllowedRecord, 'networks' | 'except' | 'ports'>[] {
  const ports = portsOf(rule, losses)
  const named = items(rule, peers)
  if (named.length === 0) return [{ networks: [], except: [], ports }]
  return named.map((peer) => {
    const cidr = told(peer, 'ipBlock', 'cidr')
    if (cidr === null) {
      losses.remark('peers of network policies that are chosen by labels are taken as any private address')
      return { networks: PRIVATE, except: [], ports }
    }
    return { networks: [cidr], except: items(peer, 'ipBlock', 'except').filter(isText), ports }
  })
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function portsOf(rule: unknown, losses: Losses): Ports {
  return items(rule, 'ports').map((one) => {
    const protocol = (told(one, 'protocol') ?? 'TCP').toLowerCase()
    const from = numeral(field(one, 'port'))
    if (from === null && field(one, 'port') !== undefined) {
      losses.remark('ports of network policies that are named are taken as any port')
    }
    return from === null
      ? { from: 0, to: 65_535, protocol }
      : { from, to: numeral(field(one, 'endPort')) ?? from, protocol }
  })
}
