/** SELinux's labels, which no guest has: a copy of one's memory is given a policy, and its first process a label of it. */

import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf, type Paths } from '../../dist/src/kernel/query.js'
import { categoryRuns } from '../../dist/src/kernel/selinux-labels.js'
import { partialTable, sharedImages, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'
import { forge, forgery, type Members, overwritten } from './planted-modules.js'

const [POLICY, SIDTAB, ENTRY] = ['struct selinux_policy', 'struct sidtab', 'struct sidtab_entry']
/** Of users, roles, types, sensitivities and categories: by the number of their kind, what the first ones are called. */
const NAMES: Readonly<Record<number, readonly string[]>> = {
  2: ['object_r', 'system_r'],
  3: ['kernel_t', 'container_t'],
  4: ['system_u'],
  6: ['s0'],
  7: ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'],
}
const SID = 77

function labelled(kernel: Kernel): Patch[] {
  const scratch = forgery(kernel, 0x8000)
  const place = (at: number) => scratch.base + BigInt(at)
  const [policy, sidtab, entry, node, blob] = [place(0), place(0x1000), place(0x4000), place(0x4200), place(0x4400)]
  const make = (object: bigint, type: string, members: Members) => forge(kernel, scratch, object, type, members)
  const at = (object: bigint, type: string, path: Paths) =>
    kernel
      .at([object], type)
      .select({ at: addressOf(path) })
      .column('at')
      .bigint(0) ?? 0n
  let free = place(0x5000)
  const tables = Object.entries(NAMES).flatMap(([kind, names]): Members => {
    const pointers = free
    free += BigInt(8 * names.length)
    for (const [which, name] of names.entries()) {
      scratch.put(pointers + BigInt(8 * which), 8, free + 256n)
      scratch.write(free + 256n, Buffer.from(`${name}\0`))
      free += 16n
    }
    free += 512n
    return [
      [`policydb.sym_val_to_name[${kind}]`, 8, pointers],
      [`policydb.symtab[${kind}].nprim`, 4, names.length],
    ]
  })
  make(policy, POLICY, [['sidtab', 8, sidtab], ['policydb.mls_enabled', 4, 1], ...tables])
  make(sidtab, SIDTAB, [['context_to_sid[5].first', 8, at(entry, ENTRY, 'list')]])
  make(entry, ENTRY, [
    ...([
      ['sid', 4, SID],
      ['context.user', 4, 1],
      ['context.role', 4, 2],
      ['context.type', 4, 2],
    ] as const),
    ...([
      ['context.range.level[0].sens', 4, 1],
      ['context.range.level[1].sens', 4, 1],
    ] as const),
    ...([
      ['context.range.level[0].cat.node', 8, node],
      ['context.range.level[1].cat.node', 8, node],
    ] as const),
  ])
  // c1, and c3 to c5.
  make(node, 'struct ebitmap_node', [['maps[0]', 8, 0b11_1010]])
  make(blob, 'struct task_security_struct', [['sid', 4, SID]])
  const bytes = (address: bigint, ...content: number[]) => overwritten(kernel, address, Uint8Array.from(content))
  const state = kernel.address('selinux_state') ?? 0n
  const init = kernel
    .symbol('init_pid_ns', 'struct pid_namespace')
    .select({ security: addressOf('child_reaper->real_cred->security') })
  const security = init.column('security').bigint(0) ?? 0n
  const rule = word(kernel, state, 'struct selinux_state', 'policy')
  const held = word(kernel, security, 'unsigned long', '')
  const blobs = at(kernel.address('selinux_blob_sizes') ?? 0n, 'struct lsm_blob_sizes', 'lbs_cred')
  return [
    ...scratch.patches(),
    [rule.at, rule.value, policy],
    [held.at, held.value, blob],
    ...bytes(kernel.address('apparmor_enabled') ?? 0n, 0),
    ...bytes(at(state, 'struct selinux_state', 'initialized'), 1),
    ...bytes(blobs, 0, 0, 0, 0),
  ]
}

describe.each(sharedImages())('$title', (image) => {
  image.require()
  const copy = patchedCopy(image, labelled)

  it('has the label that the policy gives to the first process, and none that it does not know', () => {
    const { rows, warnings } = partialTable('credentials', copy.path)
    const first = rows.find(({ pid }) => pid === 1)
    expect(first?.label).toBe('system_u:system_r:container_t:s0:c1,c3.c5')
    // Others share its credentials or have what AppArmor had there.
    const labels = new Set(rows.map(({ label }) => label))
    expect([...labels].filter((label) => label !== null && label !== first?.label)).toEqual([])
    expect(warnings.map(({ message }) => message).join()).toContain('not among those of the policy')
  })

  it('has those of AppArmor where that is in use', () => {
    const labels = table('credentials', image.as('elf')).rows.map(({ label }) => label)
    expect(labels.every((label) => label !== null)).toBe(true)
  })
})

test('categories are told as runs', () => {
  expect(categoryRuns([1, 3, 4, 5])).toEqual([
    [1, 1],
    [3, 5],
  ])
  const sets = fc.uniqueArray(fc.nat(1023)).map((bits) => bits.sort((left, right) => left - right))
  fc.assert(
    fc.property(sets, (bits) => {
      const told = categoryRuns(bits).flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, at) => first + at),
      )
      expect(told).toEqual(bits)
    }),
  )
})
