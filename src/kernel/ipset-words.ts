/** Entries of ipset's hash tables, and how `ipset save` words them (lib/print.c and lib/ipset_*.c of ipset). */

import type { Column } from './batch.js'
import { hostOrder, ipv4Text, ipv6Text, macText } from './net-addresses.js'
import { protocolName } from './net-protocols.js'
import { bytes, type Selects, text } from './query.js'

/** What an entry is of, in order: the second address of one has a name of its own. */
type Part = 'ip' | 'net' | 'port' | 'mac' | 'mark' | 'iface' | 'ip2' | 'net2'

/** By what a type of set is called behind its colon. */
const PARTS: Readonly<Record<string, readonly Part[]>> = {
  ip: ['ip'],
  net: ['net'],
  mac: ['mac'],
  'ip,mac': ['ip', 'mac'],
  'ip,mark': ['ip', 'mark'],
  'ip,port': ['ip', 'port'],
  'ip,port,ip': ['ip', 'port', 'ip2'],
  'ip,port,net': ['ip', 'port', 'net2'],
  'net,net': ['net', 'net2'],
  'net,port': ['net', 'port'],
  'net,iface': ['net', 'iface'],
  'net,port,net': ['net', 'port', 'net2'],
}
/** Where a length of a prefix shares a byte with a flag, it is one less than it means (IP_SET_HASH_WITH_NETS_PACKED). */
const PACKED: ReadonlySet<string> = new Set(['ip,port,net', 'net,port'])
/** Of TCP, UDP, SCTP and UDP-Lite, and of ICMP for both families, whose type and code stand in the port's place. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132, 136])
const ICMP: ReadonlySet<number> = new Set([1, 58])
/** IFNAMSIZ. */
const INTERFACE = 16

/** How entries of one type of set are read. */
export interface EntryWords {
  readonly select: Selects
  /** The words of a row, and whether what is like it is not meant; null where part of it cannot be read. */
  readonly words: (column: (name: string) => Column, row: number) => { text: string; nomatch: boolean } | null
}

/** How entries are read of a type by what stands behind its colon; null for one that is not known. */
export function entryWords(members: string, isIpv6: boolean): EntryWords | null {
  const parts = Object.hasOwn(PARTS, members) ? PARTS[members] : undefined
  if (parts === undefined) return null
  const hasNets = parts.some((part) => part === 'net' || part === 'net2')
  const select = Object.assign(
    {},
    ...parts.map((part) => columnsOf(part, isIpv6)),
    hasNets ? { nomatch: 'nomatch' } : {},
  )
  return {
    select,
    words(column, row) {
      const words = parts.map((part) => wordOf(part, { column, row, isIpv6, isPacked: PACKED.has(members) }))
      if (words.some((word) => word === null)) return null
      return { text: words.join(','), nomatch: hasNets && column('nomatch').number(row) !== 0 }
    },
  }
}

/** Two addresses are members of two names or one array. */
function columnsOf(part: Part, isIpv6: boolean): Selects {
  const address = (paths: readonly string[]) => (isIpv6 ? bytes(paths) : paths)
  switch (part) {
    case 'ip':
      return { ip: address(['ip[0]', 'ip']) }
    case 'net':
      return { ip: address(['ip[0]', 'ip']), cidr: ['cidr[0]', 'cidr'] }
    case 'ip2':
      return { ip2: address(['ip[1]', 'ip2']) }
    case 'net2':
      return { ip2: address(['ip[1]', 'ip2']), cidr2: ['cidr[1]', 'cidr'] }
    case 'port':
      return { port: 'port', protocol: 'proto' }
    case 'mac':
      return { mac: bytes('ether') }
    case 'mark':
      return { mark: 'mark' }
    case 'iface':
      return { iface: text('iface', INTERFACE), physical: 'physdev' }
  }
}

interface Place {
  column: (name: string) => Column
  row: number
  isIpv6: boolean
  isPacked: boolean
}

function wordOf(part: Part, place: Place): string | null {
  const number = (name: string) => place.column(name).number(place.row)
  switch (part) {
    case 'ip':
    case 'ip2':
      return addressText(part, place)
    case 'net':
      return netText('ip', 'cidr', place)
    case 'net2':
      return netText('ip2', 'cidr2', place)
    case 'port':
      return portText(number('port'), number('protocol'))
    case 'mac': {
      const mac = place.column('mac').bytes(place.row)
      return mac === null ? null : macText(mac)
    }
    case 'mark': {
      const mark = number('mark')
      return mark === null ? null : `0x${mark.toString(16).padStart(8, '0')}`
    }
    case 'iface': {
      const name = place.column('iface').text(place.row)
      return name === null ? null : number('physical') === 1 ? `physdev:${name}` : name
    }
  }
}

function addressText(name: 'ip' | 'ip2', { column, row, isIpv6 }: Place): string | null {
  if (!isIpv6) {
    const address = column(name).number(row)
    return address === null ? null : ipv4Text(address)
  }
  const address = column(name).bytes(row)
  return address === null ? null : ipv6Text(address)
}

/** A prefix that is a whole address is worded as one. */
function netText(name: 'ip' | 'ip2', length: 'cidr' | 'cidr2', place: Place): string | null {
  const [address, kept] = [addressText(name, place), place.column(length).number(place.row)]
  if (address === null || kept === null) return null
  const prefix = place.isPacked ? kept + 1 : kept
  return prefix === (place.isIpv6 ? 128 : 32) ? address : `${address}/${prefix}`
}

function portText(word: number | null, protocol: number | null): string | null {
  if (word === null || protocol === null) return null
  const port = hostOrder(word)
  const name = protocolName(protocol)
  if (ICMP.has(protocol)) return `${name}:${port >> 8}/${port & 0xff}`
  return `${name}:${WITH_PORTS.has(protocol) ? port : 0}`
}
