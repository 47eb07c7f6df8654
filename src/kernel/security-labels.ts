/** What a security module calls a task: AppArmor's label, as /proc/PID/attr/current has it (security/apparmor/label.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { addressOf, constantName, optional, text } from './query.js'
import { readSelinuxLabels } from './selinux-labels.js'

/** Longest name that is read of a profile. */
const LONGEST = 512
/** Name of AppArmor's first namespace, which stands before the names of those below. */
const ROOT = 'root//'
/** Before the names of `enum profile_mode` (security/apparmor/include/policy.h). */
const MODE = 'APPARMOR_'

/** Where the credentials have their label: at its module's place among others, or until 4.20 in the one place there was. */
const HELD = [
  '((struct aa_label *)((unsigned long *)real_cred->security)[symbol(struct lsm_blob_sizes apparmor_blob_sizes).lbs_cred >> 3])',
  '((struct aa_label *)real_cred->security)',
]
/** A label that was replaced leads to its successor. */
const label = (below: string): string[] => HELD.map((held) => `${held}->proxy->label${below}`)
const profile = (below: string): string[] => label(`->vec[0]${below}`)

/** Columns of a task that its label is made of. */
const LABEL = {
  /** A label of one profile is that profile's own. */
  label: optional(label('')),
  own: optional(addressOf(profile('->label'))),
  size: optional(label('->size')),
  stacked: optional(text(label('->hname'), LONGEST)),
  name: optional(text(profile('->base.hname'), LONGEST)),
  mode: optional(constantName(profile('->mode'), 'APPARMOR_ENFORCE')),
  profile: optional(profile('')),
  unconfined: optional(profile('->ns->unconfined')),
  level: optional(profile('->ns->level')),
  namespace: optional(text(profile('->ns->base.hname'), LONGEST)),
} as const

/** Labels of some tasks, in their order; null where neither AppArmor nor SELinux is the module that labels. */
export function readLabels(kernel: Kernel, tasks: readonly bigint[]): (string | null)[] {
  const labelled = hasAppArmor(kernel)
  const batch = (labelled ? kernel : kernel.unheard()).at(labelled ? tasks : [], TASK_STRUCT).select(LABEL)
  const others = readSelinuxLabels(kernel, labelled ? [] : tasks)
  if (!labelled && others === null) {
    const message = 'neither AppArmor nor SELinux is in use'
    kernel.warn({ code: 'absent', column: 'label', message, count: tasks.length })
  }
  return tasks.map((_, row) => (labelled ? labelText(kernel, batch, row) : (others?.[row] ?? null)))
}

/** Whether AppArmor is in use: a kernel has its types and symbols also where another module was chosen. */
function hasAppArmor(kernel: Kernel): boolean {
  const address = kernel.address('apparmor_enabled')
  const batch = kernel.at(address === null ? [] : [address], 'unsigned char').select({ enabled: '' })
  return batch.length > 0 && batch.column('enabled').number(0) === 1
}

/** The label as root's namespace sees it: a profile with its mode, or the names of several that are stacked. */
function labelText(kernel: Kernel, batch: Batch<typeof LABEL>, row: number): string | null {
  const part = (column: keyof typeof LABEL) => batch.column(column)
  const size = part('size').number(row)
  if (size !== 1) return part('stacked').text(row)
  if (part('own').bigint(row) !== part('label').bigint(row)) {
    const address = `0x${batch.address(row).toString(16)}`
    kernel.warn({ code: 'torn', column: 'label', message: "a task's label is none of AppArmor's", count: 1, address })
    return null
  }
  const [name, namespace] = [part('name').text(row), part('namespace').text(row)]
  if (name === null) return null
  const inside = (part('level').number(row) ?? 0) > 0 ? `:${namespace?.slice(ROOT.length) ?? ''}:` : ''
  if (part('profile').bigint(row) === part('unconfined').bigint(row)) return `${inside}${name}`
  const mode = part('mode').text(row)?.replace(MODE, '').toLowerCase()
  return mode === undefined ? null : `${inside}${name} (${mode})`
}
