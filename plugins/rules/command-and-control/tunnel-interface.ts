import { defineRule, need, quote, userNetwork } from 'salvor'
import interfaces from '../../network/interfaces.js'
import processes from '../../processes/processes.js'

const TUNNELS = new Set(['tun', 'tap', 'wireguard', 'ovpn'])

export default defineRule({
  name: 'tunnel-interface',
  title: 'A container has the interface of a tunnel',
  means:
    'A network of its own leads out of the container, past the rules of the host and the cluster. Programs for private ' +
    'networks make such interfaces too, and so do containers without root, whose user carries their packets.',
  next: [
    'See in open-files who holds /dev/net/tun, and in routes what goes through it',
    'See in sockets where the tunnel leads',
  ],
  tactic: 'command-and-control',
  attack: ['T1572'],
  severity: 'medium',
  confidence: 'medium',
  reads: { interfaces: need(interfaces), processes: need(processes) },
  *find({ interfaces, processes }, known) {
    for (const device of interfaces.rows) {
      if (device.container === null || !TUNNELS.has(device.kind ?? '')) continue
      const carrier = userNetwork(processes, device, known.container(device.container))
      const design = carrier === null ? known.byDesign(device.container) : 'its user’s network, without root'
      yield {
        about: device,
        severity: design === null ? 'medium' : 'info',
        summary: `Interface ${quote(device.name)} is of kind ${device.kind}${design === null ? '' : `: ${design}`}`,
        evidence: carrier === null ? [device] : [device, carrier],
      }
    }
  },
})
