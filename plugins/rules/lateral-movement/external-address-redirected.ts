import { defineRule, need, quote } from 'salvor'
import publishedPorts from '../../network/published-ports.js'

/** What kube-proxy writes beside a rule for one of a service’s `externalIPs` (pkg/proxy/iptables). */
const EXTERNAL = / external IP$/
/** Networks that nobody else’s services are in: private, shared, of the host alone. */
const PRIVATE =
  /^(?:10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd]|fe80:|::1$)/i

export default defineRule({
  name: 'external-address-redirected',
  title: 'A service of the cluster takes what is sent to an address on the internet',
  means:
    'Whoever may make a service can name any address for it (externalIPs, CVE-2020-8554): what pods and this node send ' +
    'there comes to the pods of that service instead. Clusters without a load balancer publish services so too.',
  next: [
    'See whose address it is, and who made the service in the audit log of the API server',
    'See in connections-tracked who was redirected, and what the target does in processes',
  ],
  tactic: 'lateral-movement',
  attack: ['T1557'],
  severity: 'medium',
  confidence: 'low',
  reads: { ports: need(publishedPorts) },
  *find({ ports }) {
    for (const port of ports.rows) {
      if (port.address === null || PRIVATE.test(port.address) || !EXTERNAL.test(port.comment ?? '')) continue
      yield {
        about: { container: port.target_container },
        summary: `What is sent to ${port.address}:${port.port} comes to ${port.target}:${port.target_port}: ${quote(port.comment)}`,
        evidence: [port],
      }
    }
  },
})
