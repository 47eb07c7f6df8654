/** Notifier chains: functions that are called when something happens (kernel/notifier.c). */

import type { Kernel } from '../kernel.js'
import { chain, index, type Nested } from '../query.js'
import type { Pointer } from './pointer.js'

/** Chains by the type of their head, each with the name it is known by. */
const CHAINS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'struct atomic_notifier_head': {
    keyboard_notifier_list: 'keyboard',
    vt_notifier_list: 'virtual terminal',
    die_chain: 'die',
    panic_notifier_list: 'panic',
    restart_handler_list: 'restart',
    inet6addr_chain: 'IPv6 address',
    netevent_notif_chain: 'netevent',
    x86_mce_decoder_chain: 'machine check',
  },
  'struct blocking_notifier_head': {
    module_notify_list: 'module',
    reboot_notifier_list: 'reboot',
    inetaddr_chain: 'IPv4 address',
    inetaddr_validator_chain: 'IPv4 address validator',
    netlink_chain: 'netlink',
    oom_notify_list: 'out of memory',
    crypto_chain: 'crypto',
    usb_notifier_list: 'USB',
    pm_chain_head: 'power',
    munmap_notifier: 'munmap',
    task_exit_notifier: 'task exit',
  },
  'struct raw_notifier_head': { netdev_chain: 'network device', cpu_chain: 'CPU' },
}

/** What listens to keys is the kernel's own; others are for anyone. */
const OWNED = new Set(['keyboard'])

const BLOCKS = {
  walk: chain('head', 'struct notifier_block', 'next'),
  select: { place: index(), function: 'notifier_call' },
} satisfies Nested

export function notifierPointers(kernel: Kernel): Pointer[] {
  return Object.entries(CHAINS).flatMap(([type, chains]) => {
    const names = new Map(
      Object.entries(chains).flatMap(([symbol, name]) => kernel.addresses(symbol).map((at) => [at, name])),
    )
    const heads = kernel.at(names.keys(), type).select({}, { blocks: BLOCKS })
    const blocks = heads.child('blocks')
    return Array.from({ length: blocks.length }, (_, row) => {
      const name = names.get(heads.address(blocks.parents[row] ?? 0)) ?? null
      return {
        kind: 'notifier',
        name,
        index: blocks.column('place').number(row),
        address: blocks.column('function').bigint(row) ?? 0n,
        owner: OWNED.has(name ?? '') ? ('kernel' as const) : null,
      }
    })
  })
}
