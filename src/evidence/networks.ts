/** Networks in CIDR, and which addresses are in them. */

import { BlockList, isIPv4, isIPv6 } from 'node:net'

function partsOf(network: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | null {
  const [address = '', bits, more] = network.split('/')
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : null
  const most = family === 'ipv4' ? 32 : 128
  if (family === null || more !== undefined) return null
  if (bits === undefined) return { address, bits: most, family }
  const count = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
  return count <= most ? { address, bits: count, family } : null
}

/** Whether it is an address or a network. */
export function isNetwork(network: string): boolean {
  return partsOf(network) !== null
}

/** The networks, for asking whether an address is in one; those that are none have no address. */
export function networksOf(networks: readonly string[]): (address: string) => boolean {
  // One list would take `::/0` for IPv4 addresses too.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const network of networks) {
    const parts = partsOf(network)
    if (parts !== null) lists[parts.family].addSubnet(parts.address, parts.bits, parts.family)
  }
  return (address) => {
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : null
    return family !== null && lists[family].check(address, family)
  }
}

/** An IPv4 address that an IPv6 socket shows, as everything else shows it. */
export function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
}
