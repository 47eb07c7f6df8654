/** Handlers of binfmt_misc: which interpreter the kernel starts for which files (fs/binfmt_misc.c). */

import type { Kernel } from './kernel.js'
import { addressOf, bytes, list, type Nested, optional, text } from './query.js'

/** A handler, as its file in /proc/sys/fs/binfmt_misc shows it. */
export interface ProgramFormat {
  /** Of its `Node`. */
  address: bigint
  name: string | null
  enabled: boolean | null
  interpreter: string | null
  /** P, O, C and F, as it was registered. */
  flags: string | null
  /** Ending of the names that it is for; null where bytes say so. */
  extension: string | null
  /** Where its bytes stand in a file. */
  offset: number | null
  /** In hexadecimal. */
  magic: string | null
  mask: string | null
}

/** `enum {Enabled, Magic}`, numbers of bits. */
const [ENABLED, MAGIC] = [1n << 0n, 1n << 1n]
/** MISC_FMT_PRESERVE_ARGV0, _OPEN_BINARY, _CREDENTIALS and _OPEN_FILE, in the order of /proc. */
const FLAGS = [
  ['P', 1n << 31n],
  ['O', 1n << 30n],
  ['C', 1n << 29n],
  ['F', 1n << 28n],
] as const
/** BINPRM_BUF_SIZE: magic and mask are looked for in the first bytes of a file. */
const MOST_MAGIC = 256
/** MAX_REGISTER_LENGTH: whole lines are no longer. */
const LONGEST = 1920

const HANDLERS = {
  walk: list('', 'binfmt_misc:Node', 'list'),
  // Of a module's type, which is known where it is loaded.
  optional: true,
  rules: [
    { path: 'size', is: { at_most: MOST_MAGIC } },
    { path: 'offset', is: { at_most: MOST_MAGIC } },
  ],
  select: {
    name: text('name', LONGEST),
    interpreter: text('interpreter', LONGEST),
    flags: 'flags',
    offset: 'offset',
    size: 'size',
    extension: text('magic', LONGEST),
    magic: bytes('magic', { length: 'size', max: MOST_MAGIC }),
    mask: bytes('mask', { length: 'size', max: MOST_MAGIC }),
  },
} satisfies Nested

/** Those of the first user namespace; from 6.7 on others have handlers of their own, for themselves alone. */
export function readProgramFormats(kernel: Kernel): ProgramFormat[] {
  // Until 6.7 there is one list for all, and nothing is missing.
  const own = kernel
    .unheard()
    .symbol('init_user_ns', 'struct user_namespace')
    .select({ entries: optional(addressOf('binfmt_misc->entries')) })
  const head = own.column('entries').bigint(0) ?? kernel.symbolAddress('entries')
  const heads = kernel.at(head === null ? [] : [head], 'struct list_head').select({}, { handlers: HANDLERS })
  const found = heads.child('handlers')
  return Array.from({ length: found.length }, (_, row): ProgramFormat => {
    const flags = found.column('flags').bigint(row)
    const isMagic = flags === null ? null : (flags & MAGIC) !== 0n
    const hex = (name: 'magic' | 'mask') => {
      const value = isMagic === true ? found.column(name).bytes(row) : null
      return value === null || value.length === 0 ? null : Buffer.from(value).toString('hex')
    }
    return {
      address: found.address(row),
      name: found.column('name').text(row),
      enabled: flags === null ? null : (flags & ENABLED) !== 0n,
      interpreter: found.column('interpreter').text(row),
      flags: flags === null ? null : FLAGS.map(([letter, bit]) => ((flags & bit) === 0n ? '' : letter)).join(''),
      extension: isMagic === false ? found.column('extension').text(row) : null,
      offset: isMagic === true ? found.column('offset').number(row) : null,
      magic: hex('magic'),
      mask: hex('mask'),
    }
  })
}
