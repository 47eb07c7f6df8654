/** A list of networks and ports: `10.0.0.0/8 443/tcp` for each line; `*` is any port, `#` begins a remark. */

import type { LineFormat } from '../format.js'
import { isNetwork } from '../networks.js'

/** A network, and a port or a range of them with or without a protocol. */
const LINE = /^(\S{1,64})\s{1,16}(?:(\d{1,5})(?:-(\d{1,5}))?|\*)(?:\/(tcp|udp|sctp))?$/i

function plain(line: string): string {
  return line.split('#', 1)[0]?.trim() ?? ''
}

function partsOf(line: string) {
  const found = LINE.exec(plain(line))
  const [, network = '', from, to = from, protocol] = found ?? []
  if (!isNetwork(network)) return null
  const range = { from: Number(from ?? 0), to: Number(to ?? 65_535) }
  if (range.from > range.to || range.to > 65_535) return null
  return { network, ...range, protocol: protocol?.toLowerCase() ?? null }
}

export const allowList: LineFormat = {
  name: 'allow-list',
  form: 'lines',
  recognises: (lines) => lines.some((line) => partsOf(line) !== null),
  reader: (losses) =>
    function* (line) {
      if (plain(line) === '') return
      const parts = partsOf(line)
      if (parts === null) losses.malformed()
      else {
        const { network, ...port } = parts
        yield { kind: 'allowed', networks: [network], except: [], ports: [port], way: null, pods: null }
      }
    },
}
