/** Names of IP protocols. */

/** IPPROTO_* (include/uapi/linux/in.h, in6.h), as conntrack and iptables call them. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  2: 'igmp',
  4: 'ipencap',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  41: 'ipv6',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'icmpv6',
  89: 'ospf',
  94: 'ipip',
  103: 'pim',
  108: 'ipcomp',
  112: 'vrrp',
  132: 'sctp',
  136: 'udplite',
}

/** A protocol's name; one that has no name in digits. */
export function protocolName(protocol: number): string {
  return PROTOCOLS[protocol] ?? String(protocol)
}
