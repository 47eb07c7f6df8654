import { defineRule, isInstalled, need, quote, type Severity } from 'salvor'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

/** Programs of the host that need one to get or give addresses. */
const BY_DESIGN =
  /^\/(?:usr\/)?(?:s?bin|lib\/systemd|lib\/NetworkManager|libexec)\/(?:systemd-networkd|NetworkManager|nm-[\w-]+|dhclient|dhcpcd|dhcpcd5|dnsmasq|wpa_supplicant|hostapd|lldpd|keepalived|arping|libvirtd|wickedd[\w-]*|netplan|networkd-dispatcher)$/

/** EtherTypes that carry nobody's data: ARP, LLDP, 802.1X (include/uapi/linux/if_ether.h). */
const NO_DATA = new Set(['0x0806', '0x88cc', '0x888e'])

export default defineRule({
  name: 'packet-socket',
  title: 'A program sees packets that are not for it',
  means:
    'A packet socket takes whatever passes an interface: passwords and tokens of others, or the secret knock of a backdoor ' +
    'that has no port. In a container it sees all that the container does.',
  next: [
    'See in sockets what filter it has and which interface, and in interfaces whether that is promiscuous',
    'See what it took and nobody read yet in socket-queues',
  ],
  tactic: 'discovery',
  attack: ['T1040', 'T1205.002'],
  severity: 'medium',
  confidence: 'high',
  reads: { sockets: need(sockets), processes: need(processes) },
  *find({ sockets, processes }, known) {
    const told = new Set<unknown>()
    for (const socket of sockets.where('family', 'packet')) {
      if (socket.pid === null || told.has(socket.pid)) continue
      const process = processes.where('pid', socket.pid)[0]
      if (process === undefined) continue
      const { exe, container } = process
      if (container === null && BY_DESIGN.test(exe ?? '')) continue
      told.add(socket.pid)
      const design = known.byDesign(container)
      const filtered = socket.filter === null ? '' : ', with a filter'
      yield {
        about: process,
        severity: design !== null ? 'info' : NO_DATA.has(socket.subject ?? '') ? 'low' : severityOf(exe, container),
        summary: `${quote(process.args)} from ${quote(exe)} has a packet socket for ${quote(socket.subject)}${filtered}${design === null ? '' : `: ${design}`}`,
        evidence: [socket, process],
      }
    }
  },
})

function severityOf(exe: string | null, container: string | null): Severity {
  if (container !== null) return 'medium'
  return exe === null || isInstalled(exe) ? 'low' : 'high'
}
