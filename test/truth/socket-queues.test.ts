/** Bytes in sockets against what ss counted, and what was planted in them. */

import { describe, expect, it } from 'vitest'
import { sharedImage, sharedImages, table } from './images.js'
import { networks } from './networks.js'

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('counts for each connection what ss did', () => {
      const { rows } = table('socket-queues', image.as('elf'))
      const found = new Map(rows.map((row) => [`${row.inode} ${row.queue}`, row.size]))
      let known = 0
      for (const { text } of networks(image)) {
        for (const line of text('ss.txt').split('\n')) {
          const [, , received, sent] = /^(tcp|udp) +(?!LISTEN)\S+ +(\d+) +(\d+) /.exec(line) ?? []
          const inode = / ino:(\d+) /.exec(line)?.[1]
          if (received === undefined || inode === undefined) continue
          known++
          expect(found.get(`${inode} received`) ?? 0, line).toBe(Number(received))
          expect(found.get(`${inode} unacknowledged`) ?? 0, line).toBe(Number(sent))
        }
      }
      expect(known).toBeGreaterThan(3)
      for (const row of rows) expect(row.lost).toBe(0)
    })
  })
}

const docker = sharedImage('docker-debian12')

describe(docker.title, () => {
  docker.require()

  it('shows what a container sent to the host, and what the shell in another one wrote last', () => {
    const { rows } = table('socket-queues', docker.as('elf'))
    const [sent] = rows.filter(({ local_port }) => local_port === 4444)
    expect(sent).toMatchObject({ queue: 'received', size: 15, text: 'LAB-TCP-PAYLOAD', container: null })
    const containers = table('containers', docker.as('elf')).rows
    const named = (id: unknown) => containers.find((container) => container.id === id)?.name
    expect(named(sent?.remote_container)).toBe('corp-batch')
    const [shell] = rows.filter(({ local_port }) => local_port === 4445)
    expect(shell).toMatchObject({ queue: 'received', size: 124, remote_comm: 'bash' })
    expect(shell?.text).toMatch(/no job control in this shell\nroot@web:\/# $/)
    expect(Buffer.from(String(shell?.hex), 'hex').toString()).toBe(shell?.text)
    expect(named(shell?.remote_container)).toBe('shop-web-1')
  })

  it('shows as much of a queue as is asked for', () => {
    const { rows } = table('socket-queues', docker.as('elf'), '--bytes', '7')
    expect(rows.find(({ local_port }) => local_port === 4444)?.text).toBe('LAB-TCP')
  })
})
