// Tables of the network, as /proc/PID/net has them in each network namespace.
import { cell, within } from '../compare.mjs'
import { lines } from '../record.mjs'
import { ofRecorded, who } from './processes.mjs'

/** States as include/net/tcp_states.h numbers them. */
const STATES =
  '- ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING'.split(' ')
const TYPES = { 1: 'stream', 2: 'dgram', 3: 'raw', 5: 'seqpacket' }
const UNIX_LISTENS = 0x10000

/** Words in the machine's order, as `0100007F` for 127.0.0.1. */
function ip(words) {
  const bytes = words.match(/.{8}/g).flatMap((word) => word.match(/../g).reverse())
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.')
  return colons(bytes)
}

function colons(bytes) {
  const groups = Array.from({ length: 8 }, (_, at) => `${bytes[2 * at]}${bytes[2 * at + 1]}`)
  if (/^(0000){5}ffff$/i.test(groups.slice(0, 6).join(''))) {
    return `::ffff:${bytes
      .slice(12)
      .map((byte) => Number.parseInt(byte, 16))
      .join('.')}`
  }
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/** Sockets of a namespace's tables by inode, less those that have none. */
function listed(task) {
  const rows = (name) => lines(task.text(`net/${name}`) ?? '').slice(1)
  const found = []
  for (const name of ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6', 'icmp', 'icmp6']) {
    for (const line of rows(name)) {
      const words = line.trim().split(/\s+/)
      const [local, remote] = [words[1].split(':'), words[2].split(':')]
      const protocol = name.replace('6', '')
      const ports = protocol === 'tcp' || protocol === 'udp'
      found.push({
        family: name.endsWith('6') ? 'inet6' : 'inet',
        protocol,
        state: STATES[Number.parseInt(words[3], 16)],
        local_address: ip(local[0]),
        remote_address: ip(remote[0]),
        ...(ports ? { local_port: Number.parseInt(local[1], 16), remote_port: Number.parseInt(remote[1], 16) } : {}),
        uid: Number(words[7]),
        inode: Number(words[9]),
      })
    }
  }
  for (const line of rows('unix')) {
    const [, , , flags, type, state, inode, ...path] = line.split(/\s+/)
    const listens = Number.parseInt(flags, 16) === UNIX_LISTENS
    found.push({
      family: 'unix',
      type: TYPES[Number.parseInt(type, 16)],
      state: listens ? 'LISTEN' : state === '03' ? 'ESTABLISHED' : 'CLOSE',
      inode: Number(inode),
      path: path.join(' ') || null,
    })
  }
  for (const line of rows('netlink')) {
    const words = line.trim().split(/\s+/)
    found.push({ family: 'netlink', local_port: Number(words[2]) >>> 0, inode: Number(words[9]) })
  }
  for (const line of rows('packet')) {
    const words = line.trim().split(/\s+/)
    found.push({ family: 'packet', type: TYPES[Number(words[2])], uid: Number(words[7]), inode: Number(words[8]) })
  }
  return found.filter(({ inode }) => inode > 0).map((row) => ({ net_ns: task.spaces.net, ...row }))
}

function sockets(record) {
  const known = new Map(record.networks().flatMap((task) => listed(task).map((row) => [row.inode, row])))
  const held = record.processes.flatMap((task) =>
    record
      .files(task)
      .filter(({ target }) => target.startsWith('socket:['))
      .map(({ fd, inode }) => ({ ...who(task), fd, inode, ...known.get(inode) })),
  )
  const holders = new Set(held.map(({ inode }) => inode))
  // Sockets that wait to be accepted, or that the kernel holds.
  const free = [...known.values()]
    .filter(({ inode }) => !holders.has(inode))
    .map((row) => ({ ...row, pid: null, fd: null }))
  const inodes = new Set(known.keys())
  const ours = (row) => (row.pid === null ? row.inode > 0 && !inodes.has(row.inode) : ofRecorded(record)(row))
  return { key: ['pid', 'fd', 'inode'], rows: [...held, ...free], ours }
}

function interfaces(record) {
  const rows = record.networks().flatMap((task) => {
    const six = lines(task.text('net/if_inet6') ?? '').map((line) => line.split(/\s+/))
    return lines(task.text('net/dev'))
      .slice(2)
      .map((line) => {
        const [, name, rest] = /^\s*([^:]+):(.*)$/.exec(line)
        const numbers = rest.trim().split(/\s+/).map(Number)
        const own = six
          .filter((words) => words[5] === name)
          .map((words) => `${colons(words[0].match(/../g))}/${Number.parseInt(words[2], 16)}`)
        return {
          net_ns: task.spaces.net,
          name,
          rx_bytes: within(numbers[0], numbers[0] + (1 << 16)),
          tx_bytes: within(numbers[8], numbers[8] + (1 << 16)),
          addresses: cell(`IPv6 ${own.join(' ')}`, (got) => {
            const sixes = got?.filter((text) => text.includes(':')) ?? []
            return JSON.stringify([...sixes].sort()) === JSON.stringify([...own].sort())
          }),
        }
      })
  })
  return { key: ['net_ns', 'name'], rows }
}

const bits = (hex) => [...Number.parseInt(hex, 16).toString(2)].filter((bit) => bit === '1').length

function routes(record) {
  const rows = record.networks().flatMap((task) =>
    lines(task.text('net/route') ?? '')
      .slice(1)
      .map((line) => {
        const [name, to, gateway, , , , metric, mask] = line.trim().split(/\s+/)
        const destination = bits(mask) === 0 ? 'default' : `${ip(to)}/${bits(mask)}`
        return {
          net_ns: task.spaces.net,
          family: 'inet',
          table: 'main',
          destination: destination,
          gateway: gateway === '00000000' ? null : ip(gateway),
          interface: name,
          metric: cell(metric, (got) => Number(got ?? 0) === Number(metric)),
        }
      }),
  )
  return {
    key: ['net_ns', 'family', 'table', 'destination', 'interface'],
    rows,
    ours: ({ family, table }) => family === 'inet' && table === 'main',
  }
}

export const NETWORK = { sockets, interfaces, routes }
