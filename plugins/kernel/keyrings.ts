import { address, count, defineAnalyzer, integer, isoTime, list, option, text, time } from 'salvor'
import { hexText, readKeys } from 'salvor/kernel'

const SECOND = 1_000_000_000n

export default defineAnalyzer({
  name: 'keyrings',
  aliases: ['keys'],
  summary: 'Keys and keyrings that the kernel holds for users, sessions, containers and itself',
  description:
    'As /proc/keys lists them, and those besides that nobody may view. What a program gave the kernel to keep is masked ' +
    'unless --reveal asks for it: it may be a password, or the key of a disk.',
  torn: 'a key that was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor keyrings memory.elf', what: 'all keys, payloads masked' },
    { command: 'salvor keyrings memory.elf --where type=logon --reveal', what: 'what is kept for mounts and disks' },
  ],
  key: ['serial'],
  options: { reveal: option.flag('Show payloads instead of masking them') },
  columns: {
    address: address('Address of the struct key', { detail: true }),
    serial: integer('Serial number'),
    type: text('keyring, user, logon, asymmetric and so on'),
    description: text('What it is called'),
    uid: integer('User it belongs to'),
    gid: integer('Group it belongs to'),
    permissions: text('Who may do what with it: possessor, user, group, others, two hexadecimal digits each'),
    expires: time('When it ends; null if never'),
    flags: list('What state it is in, and whose quota it counts for'),
    uses: count('How often it is held', { detail: true }),
    members: count('Keys in a keyring'),
    payload: text('What a program gave it to keep: masked, or with --reveal in hexadecimal'),
  },
  async *run({ kernel, options }) {
    const show = (payload: Uint8Array) => (options.reveal ? hexText(payload) : `${payload.length} bytes, masked`)
    yield readKeys(kernel).map(({ expires, payload, ...key }) => ({
      ...key,
      expires: expires === null ? null : isoTime(expires * SECOND),
      payload: payload === null ? null : show(payload),
    }))
  },
})
