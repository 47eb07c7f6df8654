/** Tracked connections against the sockets that the guests listed, and against the connections that were planted. */

import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { NF_CONN } from '../../dist/src/kernel/objects.js'
import { sharedImage, sharedImages, type TruthImage, table } from './images.js'
import { patchedCopy, word } from './patched.js'

type Row = Record<string, unknown>

/** `0100007F:1F90` of /proc/net/tcp, or the same behind the prefix of an IPv4 address in /proc/net/tcp6. */
function endpoint(text: string): string {
  const [words = '', port = ''] = text.split(':')
  const bytes = words.slice(-8).match(/../g) ?? []
  return `${bytes
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.')}:${Number.parseInt(port, 16)}`
}

/** Both ends of every TCP connection over IPv4 that some namespace listed as established. */
function established(image: TruthImage): [local: string, remote: string][] {
  const files = readdirSync(`${image.folder}/truth/net`).flatMap((net) => [
    `net/${net}/proc-tcp.txt`,
    `net/${net}/proc-tcp6.txt`,
  ])
  const lines = files.flatMap((file) => image.text(file).split('\n').slice(1))
  const sockets = lines.map((line) => line.trim().split(/\s+/)).filter(([, , , state]) => state === '01')
  return sockets.map(([, local = '', remote = '']) => [endpoint(local), endpoint(remote)])
}

/** What a socket at each end of it would be listed with. */
function endsOf(row: Row): string[] {
  const { source, source_port, destination, destination_port } = row
  return [
    `${source}:${source_port} ${destination}:${destination_port}`,
    `${row.reply_source}:${row.reply_source_port} ${row.reply_destination}:${row.reply_destination_port}`,
  ]
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('tracks every established connection of every namespace', () => {
      const { rows } = table('connections-tracked', image.as('elf'))
      const tracked = new Set(rows.filter(({ state }) => state === 'ESTABLISHED').flatMap(endsOf))
      const sockets = established(image)
      expect(sockets.length).toBeGreaterThanOrEqual(8)
      for (const ends of sockets) expect(tracked, ends.join(' ')).toContain(ends.join(' '))
    })

    it('tracks no other as established', () => {
      const { rows } = table('connections-tracked', image.as('elf'))
      const listed = new Set(established(image).map((ends) => ends.join(' ')))
      const of4 = rows.filter(({ state }) => state === 'ESTABLISHED')
      expect(of4.length).toBeGreaterThan(2)
      expect(of4.filter((row) => !endsOf(row).some((ends) => listed.has(ends)))).toEqual([])
    })

    it('has each once, confirmed, and with a time to live', () => {
      const { rows } = table('connections-tracked', image.as('elf'))
      expect(new Set(rows.map(({ address }) => address)).size).toBe(rows.length)
      for (const { status, timeout, state } of rows) {
        expect(status).toContain('CONFIRMED')
        // nf_conntrack_tcp_timeout_established is five days, and of kube-proxy one.
        if (state === 'ESTABLISHED') expect(timeout).toBeGreaterThan(80_000)
        expect(timeout).toBeLessThanOrEqual(432_000)
      }
    })
  })

  describe(`${image.title}, with one direction of a connection taken out of the table`, () => {
    image.require()
    let victim: Row = {}
    const copy = patchedCopy(image, (kernel, path) => {
      const rows = table('connections-tracked', path).rows
      victim = rows.find(({ state }) => state === 'ESTABLISHED') ?? {}
      const node = (member: string) =>
        word(kernel, BigInt(victim.address as string), NF_CONN, `tuplehash[0].hnnode.${member}`)
      const [next, pprev] = [node('next'), node('pprev')]
      return [[pprev.value, next.at, next.value]]
    })

    it('still has it, by the other', () => {
      const rows = table('connections-tracked', copy.path).rows
      expect(rows.filter(({ address }) => address === victim.address)).toEqual([victim])
    })
  })
}

describe('connections that were planted', () => {
  const docker = sharedImage('docker-debian12')
  const k8s = sharedImage('k8s-debian13')

  describe(docker.title, () => {
    docker.require()

    it('are between containers and to the host', () => {
      const { rows } = table('connections-tracked', docker.as('elf'))
      // tcp-container-container
      const web = { source_container_name: 'shop-web-1', target_container_name: 'shop-cache-1' }
      expect(rows).toContainEqual(expect.objectContaining({ ...web, state: 'ESTABLISHED', destination_port: 6379 }))
      // reverse-shell
      const shell = { source_container_name: 'shop-web-1', target_container_name: null, destination_port: 4445 }
      expect(rows).toContainEqual(expect.objectContaining(shell))
      // tcp-container-host, to host-listener-4444
      const host = { source_container_name: 'corp-batch', target_container_name: null, destination_port: 4444 }
      expect(rows).toContainEqual(expect.objectContaining(host))
    })
  })

  describe(k8s.title, () => {
    k8s.require()

    it('are between pods, also by way of a service', () => {
      const { rows } = table('connections-tracked', k8s.as('elf'))
      const { from_ip, to_ip, to_port } =
        k8s.truth<Record<string, unknown>[]>('planted.json').find(({ name }) => name === 'tcp-pod-to-pod') ?? {}
      const planted = {
        source: from_ip,
        destination: to_ip,
        destination_port: to_port,
        source_container_name: 'net-debug',
      }
      expect(rows).toContainEqual(
        expect.objectContaining({ ...planted, target_pod: expect.stringMatching(/^payments\/checkout-/) }),
      )
      const service = { destination: '10.111.196.171', reply_source: '10.42.3.6', target_pod: 'payments/sessions-0' }
      const through = rows.filter(({ destination }) => destination === service.destination)
      expect(through).toHaveLength(2)
      for (const row of through) {
        expect(row).toMatchObject(service)
        expect(row.status).toContain('DST_NAT')
      }
    })
  })
})
