/** Security modules: functions that decide, as lists before 6.12 and as static calls from then on (security/security.c). */

import type { Kernel } from '../kernel.js'
import { array, bytes, hlist, index, type Nested, symbolAt } from '../query.js'
import { sizeOf } from '../sizes.js'
import type { Pointer } from './pointer.js'

/** Bytes of a `struct lsm_static_call`: four pointers. */
const STATIC_CALL = 32
/** Bytes of a list's head. */
const POINTER = 8
/** JMP with 32 bits. */
const JUMP = 0xe9
/** Before the number of its slot, a call's trampoline is named after the hook. */
const TRAMPOLINE = /^__SCT__lsm_static_call_(.+)_(\d+)$/

export function securityPointers(kernel: Kernel): Pointer[] {
  return [...listed(kernel), ...called(kernel)]
}

const ON_LIST = {
  walk: hlist('', 'struct security_hook_list', 'list'),
  // Of a union of pointers to functions any has the value of all.
  select: { function: 'hook.capable' },
} satisfies Nested

function listed(kernel: Kernel): Pointer[] {
  const size = sizeOf(kernel, 'struct security_hook_heads')
  if (size === null) return []
  const lists = kernel
    .at(kernel.addresses('security_hook_heads'), 'struct list_head')
    .walk(array('((struct hlist_head *)(container_of(, struct list_head, next)))', { count: size / POINTER }))
    .select({ place: index() }, { functions: ON_LIST })
  const functions = lists.child('functions')
  return Array.from({ length: functions.length }, (_, row) => ({
    kind: 'lsm',
    name: 'security_hook_heads',
    index: lists.column('place').number(functions.parents[row] ?? 0),
    address: functions.column('function').bigint(row) ?? 0n,
    owner: 'kernel' as const,
  }))
}

/** A trampoline jumps to the function that its call is for; one that was changed jumps elsewhere. */
function called(kernel: Kernel): Pointer[] {
  const size = sizeOf(kernel, 'struct lsm_static_calls_table')
  if (size === null) return []
  const calls = kernel
    .at(kernel.addresses('static_calls_table'), 'struct list_head')
    .walk(array('((struct lsm_static_call *)(container_of(, struct list_head, next)))', { count: size / STATIC_CALL }))
    .select({
      trampoline: 'trampoline',
      name: symbolAt('trampoline'),
      function: 'hl->hook.capable',
      active: 'active->key.enabled.counter',
      code: bytes('((char *)trampoline)', { length: 5 }),
    })
  return Array.from({ length: calls.length }, (_, row): Pointer[] => {
    const [, name = null, slot] = TRAMPOLINE.exec(calls.column('name').text(row) ?? '') ?? []
    const about = { kind: 'lsm', name, index: slot === undefined ? null : Number(slot), owner: 'kernel' as const }
    const address = calls.column('function').bigint(row) ?? 0n
    const code = calls.column('code').bytes(row)
    if (address === 0n || code === null) return []
    const at = calls.column('trampoline').bigint(row) ?? 0n
    const offset = new DataView(code.buffer, code.byteOffset, code.byteLength).getInt32(1, true)
    const jumped = code[0] === JUMP ? BigInt.asUintN(64, at + 5n + BigInt(offset)) : null
    const isActive = (calls.column('active').number(row) ?? 0) > 0
    const redirected = isActive && jumped !== null && jumped !== address
    const call: Pointer = { ...about, address }
    return redirected ? [call, { ...about, name: `${name} trampoline`, address: jumped, wrong: true }] : [call]
  }).flat()
}
