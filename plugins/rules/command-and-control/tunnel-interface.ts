import { defineRule, need, quote } from 'salvor'
import interfaces from '../../network/interfaces.js'

const TUNNELS = new Set(['tun', 'tap', 'wireguard', 'ovpn'])

export default defineRule({
  name: 'tunnel-interface',
  title: 'A container has the interface of a tunnel',
  means:
    'A network of its own leads out of the container, past the rules of the host and the cluster. Programs for private ' +
    'networks make such interfaces too.',
  next: [
    'See in open-files who holds /dev/net/tun, and in routes what goes through it',
    'See in sockets where the tunnel leads',
  ],
  tactic: 'command-and-control',
  attack: ['T1572'],
  severity: 'medium',
  confidence: 'medium',
  reads: { interfaces: need(interfaces) },
  *find({ interfaces }, known) {
    for (const device of interfaces.rows) {
      if (device.container === null || !TUNNELS.has(device.kind ?? '')) continue
      const design = known.byDesign(device.container)
      yield {
        about: device,
        severity: design === null ? 'medium' : 'info',
        summary: `Interface ${quote(device.name)} is of kind ${device.kind}${design === null ? '' : `: ${design}`}`,
        evidence: [device],
      }
    }
  },
})
