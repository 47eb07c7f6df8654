import { address, count, defineAnalyzer, flag, option, text } from 'salvor'
import { listedTasks, memberColumns, readMembers } from 'salvor/containers'
import { hexText, readSshKeys } from 'salvor/kernel'

/** What OpenSSH's programs are called: a session of the server is a program of its own from 9.8 on. */
const SSH = /^(?:sshd|ssh|sshd-session|sshd-auth)$/

const hex = (bytes: Uint8Array | null) => bytes && hexText(bytes)

export default defineAnalyzer({
  name: 'ssh-sessions',
  aliases: ['ssh-keys', 'sshkeys'],
  summary: 'Keys of SSH connections in the memory of running servers and clients',
  description:
    'A key for each direction of a connection, with which a recording of its packets can be read. Keys are shown with ' +
    '--reveal only.',
  torn: 'a key that was there throughout is one row, where its own pages were not torn.',
  examples: [
    { command: 'salvor ssh-sessions memory.elf', what: 'who has connections, and with which ciphers' },
    { command: 'salvor ssh-sessions memory.elf --reveal --pid 1841', what: 'the keys of one of them' },
  ],
  options: { reveal: option.flag('Show the keys themselves') },
  columns: {
    address: address('Address of its struct newkeys in the memory of the process', { detail: true }),
    ...memberColumns,
    title: text('What the process calls itself: of a server whose session it is'),
    direction: text('in for what it reads, out for what it writes; null where nothing says which'),
    cipher: text('Cipher'),
    key_bits: count('Length of the key'),
    present: flag('Whether the key is in memory'),
    key: text('Key in hex, with --reveal'),
    iv: text('First initialization vector in hex, with --reveal', { detail: true }),
  },
  async *run({ kernel, options: { reveal } }) {
    const members = readMembers(kernel)
    const titles = new Map(listedTasks(kernel).map(({ address, args }) => [address, args?.join(' ') ?? null]))
    const tasks = [...members].filter(([, { comm }]) => comm !== null && SSH.test(comm)).map(([task]) => task)
    yield readSshKeys(kernel, tasks).flatMap(({ task, key, iv, cipher, direction, address }) => {
      const member = members.get(task)
      if (member === undefined) return []
      const title = titles.get(task) ?? null
      const shown = reveal ? { key: hex(key), iv: hex(iv) } : { key: null, iv: null }
      return {
        address,
        ...member,
        title,
        direction,
        cipher,
        key_bits: key && key.length * 8,
        present: key !== null,
        ...shown,
      }
    })
  },
})
