/** What rootkits change in memory, as patches for a copy of an image. */

import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { bytes } from '../../dist/src/kernel/query.js'
import { type Patch, word } from './patched.js'

/** Code that is nobody's, in the last two gigabytes, where jumps of the kernel reach. */
export const NOWHERE = 0xffff_ffff_ff00_0000n

/** Eight bytes at an address, and what they become where some of them are others. */
export function changed(kernel: Kernel, address: bigint, change: (code: DataView) => void): Patch {
  const old = kernel
    .at([address], 'char')
    .select({ code: bytes('', { length: 8 }) })
    .column('code')
    .bytes(0)
  const code = Uint8Array.from(old ?? [])
  const before = new DataView(code.buffer).getBigUint64(0, true)
  change(new DataView(code.buffer))
  return [address, before, new DataView(code.buffer).getBigUint64(0, true)]
}

export function jump(code: DataView, at: number, from: bigint, target: bigint): void {
  code.setUint8(at, 0xe9)
  code.setInt32(at + 1, Number(BigInt.asIntN(32, target - (from + BigInt(at) + 5n))), true)
}

/** The address of a symbol. */
export const at = (kernel: Kernel, symbol: string) => kernel.symbolAddress(symbol) ?? 0n
export const whole = (kernel: Kernel, address: bigint, value: bigint) =>
  changed(kernel, address, (code) => code.setBigUint64(0, value, true))

/** Four bytes of ENDBR64 come first where the kernel was built with them. */
export function entry(kernel: Kernel, symbol: string): bigint {
  const code = kernel
    .at([at(kernel, symbol)], 'char')
    .select({ code: bytes('', { length: 8 }) })
    .column('code')
    .bytes(0)
  return code?.[0] === 0x0f && code[1] === 0x1f ? 0n : 4n
}

/** What a rootkit does to a list: the neighbours forget one, and it leads nowhere. */
export function offList(kernel: Kernel, object: bigint, type: string, link: string): Patch[] {
  const [{ at, value: next }, { value: prev }] = [
    word(kernel, object, type, `${link}.next`),
    word(kernel, object, type, `${link}.prev`),
  ]
  // list_head: next at 0, prev at 8. list_del() leaves LIST_POISON1 and LIST_POISON2.
  return [
    [prev, at, next],
    [next + 8n, at, prev],
    [at, next, 0xdead000000000100n],
    [at + 8n, prev, 0xdead000000000122n],
  ]
}

/** The slot of an id in an IDR, emptied: idr_remove() but for the nodes above it. */
export function outOfIdr(kernel: Kernel, symbol: string, id: number): Patch {
  const node = (entry: bigint, path: string) => word(kernel, entry & ~3n, 'struct xa_node', path)
  let slot = word(kernel, kernel.address(symbol) ?? 0n, 'struct idr', 'idr_rt.xa_head')
  // An entry whose lower bits are 2 is a node, of which each has 64 slots.
  while ((slot.value & 3n) === 2n)
    slot = node(slot.value, `slots[${(id >> Number(node(slot.value, 'shift').value)) & 63}]`)
  return [slot.at, slot.value, 0n]
}

/** What hlist_nulls_del() does to a socket, but for the socket's own links. */
export function outOfHash(kernel: Kernel, sock: bigint): Patch[] {
  const [next, before] = ['next', 'pprev'].map((link) =>
    word(kernel, sock, 'struct sock_common', `skc_nulls_node.${link}`),
  )
  const own = word(kernel, before?.value ?? 0n, 'struct hlist_nulls_head', 'first')
  return [[before?.value ?? 0n, own.value, next?.value ?? 0n]]
}

const TASK = 'struct task_struct'
const LISTS = ['tasks', 'sibling', 'thread_node']
const PID_LINKS = [0, 1, 2, 3].map((type) => `pid_links[${type}]`)

/** What a rootkit does: the neighbours on each list forget the task, and no number leads to it any more. */
export function hiddenTask(kernel: Kernel, task: bigint): Patch[] {
  const of = (path: string) => word(kernel, task, TASK, path)
  return [
    ...LISTS.flatMap((name): Patch[] => {
      const [{ at, value: next }, { value: prev }] = [of(`${name}.next`), of(`${name}.prev`)]
      // list_head: next at 0, prev at 8. list_del_init().
      return [
        [prev, at, next],
        [next + 8n, at, prev],
        [at, next, at],
        [at + 8n, prev, at],
      ]
    }),
    ...PID_LINKS.flatMap((name): Patch[] => {
      const [{ at, value: next }, { value: pprev }] = [of(`${name}.next`), of(`${name}.pprev`)]
      // hlist_node: next at 0, pprev at 8. hlist_del_rcu() but for the node itself.
      if (pprev === 0n) return []
      return [[pprev, at, next], ...(next === 0n ? [] : [[next + 8n, at, pprev] satisfies Patch])]
    }),
  ]
}
