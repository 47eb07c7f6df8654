/** Sockets against the guests' descriptors and /proc/net, and one that is taken out of its table on a changed copy. */

import { describe, expect, it } from 'vitest'
import { outOfHash } from './changes.js'
import { armSamples, sharedImage, sharedImages, type TruthImage, table } from './images.js'
import { containerOf, networkImages, networks } from './networks.js'
import { type Patch, patchedCopy, word } from './patched.js'

type Row = Record<string, unknown>

interface Holder {
  pid: number
  comm: string
  cgroup?: string[]
  fds: { fd: number; target: string }[]
}

/** States as /proc/net/tcp numbers them (include/net/tcp_states.h). */
const STATES =
  '- ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING'.split(' ')
const TYPES: Record<number, string> = { 1: 'stream', 2: 'dgram', 3: 'raw', 5: 'seqpacket' }

const address = (text = '') => `0x${text.replace(':', '')}`

/** Words in the machine's order, as `0100007F` for 127.0.0.1. */
function ip(words = ''): string {
  const bytes = (words.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).reverse())
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.')
  const hex = Array.from({ length: 8 }, (_, at) => `${bytes[2 * at]}${bytes[2 * at + 1]}`)
  const mapped = /^(0000){5}ffff$/i.test(hex.slice(0, 6).join(''))
  const short = new URL(`http://[${hex.join(':')}]`).hostname.slice(1, -1)
  return mapped ? `::ffff:${ip(words.slice(24))}` : short
}

/** What the tables of a namespace list, by the address of the socket. */
function listed(text: (file: string) => string): Map<string, Row> {
  const sockets = new Map<string, Row>()
  const lines = (kind: string) => text(`proc-${kind}.txt`).split('\n').slice(1).filter(Boolean)
  for (const kind of ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6', 'icmp']) {
    for (const line of lines(kind)) {
      const words = line.trim().split(/\s+/)
      const [local = '', remote = ''] = [words[1], words[2]]
      const protocol = kind.replace('6', '')
      const port = (end: string) => (protocol === 'raw' ? 0 : Number.parseInt(end.split(':')[1] ?? '', 16))
      sockets.set(address(words[11]), {
        family: kind.endsWith('6') ? 'inet6' : 'inet',
        protocol,
        state: STATES[Number.parseInt(words[3] ?? '', 16)],
        local_address: ip(local.split(':')[0]),
        local_port: port(local),
        remote_address: ip(remote.split(':')[0]),
        remote_port: port(remote),
        uid: Number(words[7]),
        inode: Number(words[9]),
      })
    }
  }
  for (const line of lines('unix')) {
    const [at, , , flags = '', type = '', state = '', inode, ...path] = line.split(/\s+/)
    sockets.set(address(at), {
      family: 'unix',
      type: TYPES[Number.parseInt(type, 16)],
      state: Number.parseInt(flags, 16) === 0x10000 ? 'LISTEN' : state === '03' ? 'ESTABLISHED' : 'CLOSE',
      inode: Number(inode),
      path: path.join(' ') || null,
    })
  }
  for (const line of lines('netlink')) {
    const words = line.trim().split(/\s+/)
    sockets.set(address(words[0]), { family: 'netlink', local_port: Number(words[2]) >>> 0, inode: Number(words[9]) })
  }
  for (const line of lines('packet')) {
    const words = line.trim().split(/\s+/)
    sockets.set(address(words[0]), { family: 'packet', uid: Number(words[7]), inode: Number(words[8]) })
  }
  return sockets
}

for (const image of [...armSamples(), ...networkImages()]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has every socket of every table as /proc/net shows it, and none is unhashed', () => {
      const { rows } = table('sockets', image.as(own))
      const found = new Map(rows.map((row) => [row.address, row]))
      const known = new Set<unknown>()
      let short = 0
      for (const { inode: net_ns, text } of networks(image)) {
        for (const [at, wanted] of listed(text)) {
          known.add(at)
          const row = found.get(at)
          // Those of the recorder, and of what it had asked, were closed before the stop.
          if (row === undefined) short++
          else expect(row, at).toMatchObject({ net_ns, ...wanted, unhashed: false })
        }
      }
      expect(short).toBeLessThanOrEqual(8)
      expect(known.size).toBeGreaterThan(image.isSmall ? 150 : 200)
      expect(rows.filter((row) => row.unhashed !== false)).toEqual([])
      // Others are held by a descriptor, but never bound.
      const spare = rows.filter((row) => !known.has(row.address))
      for (const row of spare) expect(row.found_by).toEqual(['descriptor'])
      expect(spare.length).toBeLessThan(6)
    })

    it('has every descriptor of a socket with its holder', () => {
      const { rows } = table('sockets', image.as(own))
      const found = new Map(rows.map((row) => [`${row.pid} ${row.fd}`, row]))
      let known = 0
      for (const { pid, comm, cgroup, fds } of image.parts<Holder>('open-files.json')) {
        for (const { fd, target } of fds) {
          const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
          if (inode === undefined) continue
          const row = found.get(`${pid} ${fd}`)
          // What systemd and journald had for the recorder was closed.
          if (row === undefined && /^systemd(-journal)?$/.test(comm)) continue
          known++
          expect(row, `pid ${pid} fd ${fd}`).toMatchObject({ pid, comm, inode: Number(inode) })
          if (cgroup !== undefined) expect(row?.container).toBe(containerOf({ cgroup }))
        }
      }
      expect(known).toBeGreaterThan(image.has('open-files.json') ? 20 : 170)
    })
  })
}

const docker = sharedImage('docker-debian12')
const kubernetes = sharedImage('k8s-debian13')

function planted(image: TruthImage, name: string): { pids: number[] } {
  const found = image.truth<{ name: string; pids: number[] }[]>('planted.json').find((trace) => trace.name === name)
  if (found === undefined) throw new Error(`nothing is planted as ${name}`)
  return found
}

/** Rows of the processes of a planted trace. */
function rowsOf(image: TruthImage, name: string): Row[] {
  const { pids } = planted(image, name)
  return table('sockets', image.as('elf')).rows.filter(({ pid }) => pids.includes(pid as number))
}

describe(docker.title, () => {
  docker.require()

  it('shows the listener on port 4444', () => {
    const wanted = { protocol: 'tcp', state: 'LISTEN', local_address: '0.0.0.0', local_port: 4444, container: null }
    expect(rowsOf(docker, 'host-listener-4444')).toContainEqual(expect.objectContaining(wanted))
  })

  it('shows the shell whose input and output are a connection', () => {
    // What is planted is the shell's parent, which waits for it.
    const [parent] = planted(docker, 'reverse-shell').pids
    const shells = docker.processes().filter(({ ppid }) => ppid === parent)
    const { rows: all } = table('sockets', docker.as('elf'))
    const rows = all.filter(({ pid, fd }) => shells.some((shell) => shell.pid === pid) && (fd as number) < 3)
    expect(rows).toHaveLength(3)
    for (const row of rows) {
      const ends = { state: 'ESTABLISHED', remote_address: '172.30.0.1', remote_port: 4445, remote_container: null }
      expect(row).toMatchObject({ container_name: 'shop-web-1', comm: 'bash', ...ends })
    }
  })

  it('joins both ends of a connection between containers', () => {
    const [row] = rowsOf(docker, 'tcp-container-container').filter(({ remote_port }) => remote_port === 6379)
    expect(row).toMatchObject({ container_name: 'shop-web-1', state: 'ESTABLISHED' })
    const { rows } = table('sockets', docker.as('elf'))
    const other = rows.find(({ pid, local_port, remote_port }) => {
      return pid === row?.remote_pid && local_port === 6379 && remote_port === row?.local_port
    })
    expect(other).toMatchObject({ container_name: 'shop-cache-1', container: row?.remote_container })
    expect(other).toMatchObject({ remote_pid: row?.pid, remote_container: row?.container })
  })

  it('shows the connection from a container to the host', () => {
    const [row] = rowsOf(docker, 'tcp-container-host').filter(({ remote_port }) => remote_port === 4444)
    expect(row).toMatchObject({ container_name: 'corp-batch', state: 'ESTABLISHED', remote_container: null })
    expect(planted(docker, 'host-listener-4444').pids).toContain(row?.remote_pid)
  })

  it('shows the packet socket', () => {
    const wanted = { family: 'packet', type: 'raw', container_name: 'corp-agent', subject: '0x0003' }
    expect(rowsOf(docker, 'packet-socket')).toContainEqual(expect.objectContaining(wanted))
  })

  it('shows the filters that systemd has for messages', () => {
    const rows = table('sockets', docker.as('elf')).rows.filter(({ filter }) => filter !== null)
    const lldp = rows.find(({ family }) => family === 'packet')
    expect(lldp?.filter).toContain('(8) ldh [12]; (9) jeq #0x88cc jt 11 jf 10; (10) ret #0')
    expect(rows.length).toBeGreaterThan(5)
  })
})

describe(kubernetes.title, () => {
  kubernetes.require()

  it('joins both ends of a connection between pods', () => {
    const { rows } = table('sockets', kubernetes.as('elf'))
    const ends = { local_address: '10.42.3.5', remote_address: '10.42.3.3', remote_port: 80, state: 'ESTABLISHED' }
    const row = rows.find((row) => Object.entries(ends).every(([name, value]) => row[name] === value))
    expect(row).toMatchObject({ pod: 'default/net-debug', fd: 7 })
    const other = rows.find(({ local_port, remote_port }) => local_port === 80 && remote_port === row?.local_port)
    expect(other).toMatchObject({ remote_pid: row?.pid })
    expect(row).toMatchObject({ remote_pid: other?.pid })
    expect(String(other?.pod)).toContain('checkout')
  })
})

for (const image of sharedImages()) {
  describe(`${image.title}, with a connection taken out of its table`, () => {
    image.require()
    const hidden = { address: '' }
    const copy = patchedCopy(image, (kernel, path) => {
      const { rows } = table('sockets', path)
      const row = rows.find(({ protocol, state, pid }) => protocol === 'tcp' && state === 'ESTABLISHED' && pid !== null)
      hidden.address = String(row?.address)
      return outOfHash(kernel, BigInt(hidden.address))
    })

    it('finds it by its descriptor, and says that it is unhashed', () => {
      const { rows } = table('sockets', copy.path)
      const unhashed = rows.filter((row) => row.unhashed !== false)
      expect(new Set(unhashed.map((row) => row.address))).toEqual(new Set([hidden.address]))
      for (const row of unhashed) {
        expect(row).toMatchObject({ protocol: 'tcp', state: 'ESTABLISHED', unhashed: true })
        expect(row.found_by).toContain('descriptor')
        expect(row.pid).not.toBeNull()
      }
    })
  })
}

describe('a connection to an IPv6 address of a container', () => {
  const image = sharedImage('k8s-debian13')
  image.require()
  const copy = patchedCopy(image, (kernel, path) => {
    const row = table('sockets', path).rows.find(({ family, state, fd }) => {
      return family === 'inet6' && state === 'ESTABLISHED' && fd !== null
    })
    const other = word(
      kernel,
      BigInt(`${row?.address}`),
      'struct sock',
      '__sk_common.skc_v6_daddr.in6_u.u6_addr32[0]',
    ).at
    return ipv6Of(path).map((value, half): Patch => {
      const at = other + BigInt(8 * half)
      return [at, word(kernel, at, 'unsigned long', '').value, value]
    })
  })
  const links = (path: string) => table('interfaces', path).rows
  const ownerOf = (path: string) => links(path).find(({ name, container }) => name === 'eth0' && container !== null)
  const addressOf = (path: string) => (ownerOf(path)?.addresses as string[] | undefined)?.[1]?.split('/')[0] ?? ''
  /** The address as it lies in memory, which the socket gets as its other end. */
  const ipv6Of = (path: string) => {
    const [head = '', tail = ''] = addressOf(path).split('::')
    const groups = (text: string) => text.split(':').filter(Boolean)
    const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0')
    const bytes = Buffer.alloc(16)
    for (const [at, group] of [...groups(head), ...zeros, ...groups(tail)].entries()) {
      bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * at)
    }
    return [bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(8)]
  }

  it('has that container at its other end', () => {
    const remote_address = addressOf(copy.path)
    expect(remote_address).toMatch(/^fe80::/)
    const rows = table('sockets', copy.path).rows.filter((row) => row.remote_address === remote_address)
    expect(rows).toMatchObject([{ family: 'inet6', remote_container: ownerOf(copy.path)?.container, remote_pid: null }])
  })
})
