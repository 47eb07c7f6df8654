/** Keys of SSH connections: both ends of one are in the same memory, and must have the same. */

import { describe, expect, it } from 'vitest'
import { sharedImage, table } from './images.js'

interface Planted {
  name: string
  pids: number[]
}

const image = sharedImage('docker-debian12')

describe(image.title, () => {
  image.require()

  it('has the planted ssh session: what its client writes with is what its server reads with', () => {
    const { rows } = table('ssh-sessions', image.as('elf'), '--reveal')
    const planted = image.truth<Planted[]>('planted.json').find(({ name }) => name === 'ssh-session')
    const typist = planted?.pids[0] ?? 0
    const end = (comm: string) => rows.filter((row) => row.comm === comm)
    const [client, server] = [end('ssh'), end('sshd')]
    expect([client.length, server.length, rows.length]).toEqual([2, 2, 4])
    const started = image.processes().find(({ pid }) => pid === client[0]?.pid)
    expect(started?.ppid).toBe(typist)
    const key = (of: typeof rows, direction: string) => of.find((row) => row.direction === direction)?.key
    expect(key(client, 'out')).toMatch(/^[0-9a-f]{128}$/)
    expect(key(client, 'out')).toBe(key(server, 'in'))
    expect(key(client, 'in')).toBe(key(server, 'out'))
    expect(key(client, 'in')).not.toBe(key(client, 'out'))
  })

  it('shows no key without --reveal', () => {
    const { rows } = table('ssh-sessions', image.as('elf'))
    expect(rows.map(({ key, iv, present }) => [key, iv, present])).toEqual(Array(4).fill([null, null, true]))
  })
})
