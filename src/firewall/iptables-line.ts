/** A line of iptables-save from its parts, and what it says of ports that are published. */

import { protocolName } from '../kernel/net-protocols.js'
import { addressOf, prefixLength } from './bytes.js'

/** What a rule asks of the packet's header, as struct ipt_ip has it. */
export interface Header {
  source?: { address: Uint8Array; mask: Uint8Array; not: boolean }
  destination?: { address: Uint8Array; mask: Uint8Array; not: boolean }
  in?: { name: string; not: boolean }
  out?: { name: string; not: boolean }
  protocol?: { number: number; not: boolean }
  fragment?: { not: boolean }
}

/** A rule's line, what becomes of a packet, and what it is asked for that a published port is made of. */
export interface Line {
  text: string
  target: string | null
  translation: Translation
}

/** Which packets a rule is for, and where they are sent. */
export interface Translation {
  protocol: string | null
  /** Where they were going: an address or a network; null for any, and for all but one. */
  destination: string | null
  /** A port or a range of them, as the rule has it. */
  port: string | null
  /** Where DNAT sends them: an address, and maybe a port. */
  to: string | null
  comment: string | null
}

/** A rule from its parts. */
export function lineOf(chain: string, header: Header, matches: readonly string[][], target: readonly string[]): Line {
  const { destination, protocol } = header
  const after = (words: readonly string[], name: string) => words[words.indexOf(name) + 1 || words.length] ?? null
  const ports = matches.find((words) => words.includes('--dport') && !words.includes('!'))
  const comment = matches.find(([, name]) => name === 'comment')
  const isOne = destination !== undefined && !destination.not
  return {
    text: ruleLine(chain, header, matches, target),
    target: target[1] ?? null,
    translation: {
      protocol: protocol === undefined || protocol.not ? null : protocolName(protocol.number),
      destination: isOne ? networkText(destination) : null,
      port: ports === undefined ? null : after(ports, '--dport'),
      to: target[1] === 'DNAT' ? after(target, '--to-destination') : null,
      comment: comment === undefined ? null : unquoted(after(comment, '--comment') ?? ''),
    },
  }
}

/** The text that a word of iptables-save stands for. */
function unquoted(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/gs, '$1') : word
}

/** `-A CHAIN`, the header's words, `-m …` for each match, and the target's words. */
function ruleLine(chain: string, header: Header, matches: readonly string[][], target: readonly string[]): string {
  const { source, destination, fragment } = header
  return [
    ...['-A', /\s/.test(chain) ? `"${chain}"` : chain],
    ...network('-s', source),
    ...network('-d', destination),
    ...option('-i', header.in?.name, header.in?.not),
    ...option('-o', header.out?.name, header.out?.not),
    ...option(
      '-p',
      header.protocol === undefined ? undefined : protocolName(header.protocol.number),
      header.protocol?.not,
    ),
    ...(fragment === undefined ? [] : [...(fragment.not ? ['!'] : []), '-f']),
    ...matches.flat(),
    ...target,
  ].join(' ')
}

function option(name: string, value: string | undefined, not = false): string[] {
  return value === undefined ? [] : [...(not ? ['!'] : []), name, value]
}

function network(name: string, value: Header['source']): string[] {
  if (value === undefined) return []
  return option(name, networkText(value), value.not)
}

function networkText({ address, mask }: NonNullable<Header['source']>): string {
  return `${addressOf(address)}/${prefixLength(mask) ?? addressOf(mask)}`
}
