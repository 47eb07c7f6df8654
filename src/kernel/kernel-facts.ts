/** What else decides how a kernel behaves, and is no file below /proc/sys: how it was started, what it protects itself with. */

import { onlineCpus } from './cpus.js'
import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { lettersOf } from './modules.js'
import { constantName, optional, type Select, text } from './query.js'
import { readPointers, readValues } from './values.js'

/** A fact by its name. */
export interface Fact {
  name: string
  /** Of the variable. */
  address: bigint
  value: string | null
}

const LONGEST = 4096
/** The kernel knows a dozen (MAX_LSM_COUNT, include/linux/lsm_count.h). */
const MOST_MODULES = 64
const MODULE_NAME = 64
const POINTER = 8

/** Texts behind pointers. */
const TEXTS: readonly [name: string, symbol: string][] = [
  ['boot.arguments', 'saved_command_line'],
  // As /sys/kernel/security/lsm has them.
  ['security.modules', 'lsm_names'],
]

const isOn = (value: bigint) => (value === 0n ? 'no' : 'yes')

/** Numbers. */
const NUMBERS: readonly [name: string, symbol: string, type: string, show: (value: bigint) => string | null][] = [
  ['kernel.taint_letters', 'tainted_mask', 'unsigned long', lettersOf],
  [
    'audit.enabled',
    'audit_enabled',
    'unsigned int',
    (value) => ['no', 'yes', 'locked'][Number(value)] ?? String(value),
  ],
  [
    'audit.on_failure',
    'audit_failure',
    'unsigned int',
    (value) => ['silent', 'log', 'panic'][Number(value)] ?? String(value),
  ],
  // Those of users, of messages and of file systems are not among them (kernel/auditfilter.c).
  ['audit.syscall_rules', 'audit_n_rules', 'int', String],
  ['audit.rate_limit', 'audit_rate_limit', 'unsigned int', String],
  ['audit.backlog_limit', 'audit_backlog_limit', 'unsigned int', String],
  ['security.apparmor.enabled', 'apparmor_enabled', 'int', isOn],
  ['security.signed_modules_only', 'sig_enforce', 'bool', isOn],
  ['boot.kexec_disabled', 'kexec_load_disabled', 'int', isOn],
]

/** What one variable of a type says. */
interface Variable {
  name: string
  symbol: string
  type: string
  value: Select
  /** How it is called; null where it is none that the kernel has. */
  show: (value: string) => string
}

const lower = (prefix: string) => (constant: string) => constant.replace(prefix, '').toLowerCase()
const yesOrNo = (value: string) => (value === '0' ? 'no' : 'yes')
const same = (value: string) => value

const VARIABLES: readonly Variable[] = [
  {
    name: 'security.lockdown',
    symbol: 'kernel_locked_down',
    type: 'enum lockdown_reason',
    value: constantName(''),
    show: (constant) => lower('LOCKDOWN_')(constant).replace('_max', ''),
  },
  {
    name: 'security.apparmor.mode',
    symbol: 'aa_g_profile_mode',
    type: 'enum profile_mode',
    value: constantName(''),
    show: lower('APPARMOR_'),
  },
  {
    name: 'security.selinux.enforcing',
    symbol: 'selinux_state',
    type: 'struct selinux_state',
    value: optional('enforcing'),
    show: yesOrNo,
  },
  {
    name: 'security.selinux.loaded',
    symbol: 'selinux_state',
    type: 'struct selinux_state',
    value: 'initialized',
    show: yesOrNo,
  },
  {
    name: 'audit.daemon_pid',
    symbol: 'auditd_conn',
    type: 'struct auditd_connection *',
    value: 'pid->numbers[0].nr',
    show: same,
  },
  {
    name: 'cpu.model',
    symbol: 'boot_cpu_data',
    type: 'struct cpuinfo_x86',
    value: text('x86_model_id'),
    show: (model) => model.trim(),
  },
  {
    name: 'cpu.vendor',
    symbol: 'boot_cpu_data',
    type: 'struct cpuinfo_x86',
    value: text('x86_vendor_id'),
    show: same,
  },
  {
    name: 'cpu.microcode',
    symbol: 'boot_cpu_data',
    type: 'struct cpuinfo_x86',
    value: 'microcode',
    show: (revision) => `0x${Number(revision).toString(16)}`,
  },
  {
    // MIDR_EL1: who made it, variant, part and revision.
    name: 'cpu.midr',
    symbol: 'boot_cpu_data',
    type: 'struct cpuinfo_arm64',
    value: 'reg_midr',
    show: (register) => `0x${BigInt(register).toString(16)}`,
  },
]

/** All of them that this kernel has. */
export function readFacts(kernel: Kernel): Fact[] {
  return [...texts(kernel), ...securityModules(kernel), ...numbers(kernel), ...variables(kernel), ...processors(kernel)]
}

/** Where no text of their names is kept, as in 7.3: what lsm_read() puts together (security/inode.c). */
function securityModules(kernel: Kernel): Fact[] {
  const [address, count] = [kernel.address('lsm_idlist'), kernel.address('lsm_active_cnt')]
  if (kernel.address('lsm_names') !== null || address === null || count === null) return []
  const [active = null] = readValues(kernel, 'unsigned int', [count])
  const most = kernel.capped('security modules', Number(active ?? 0), MOST_MODULES)
  const places = Array.from({ length: most }, (_, index) => address + BigInt(index * POINTER))
  const found = kernel.at(readPointers(kernel, places), 'struct lsm_id').select({ name: text('name', MODULE_NAME) })
  const names = places.map((_, row) => (row < found.length ? found.column('name').text(row) : null))
  const isWhole = active !== null && !names.includes(null)
  return [{ name: 'security.modules', address, value: isWhole ? names.join(',') : null }]
}

function texts(kernel: Kernel): Fact[] {
  return TEXTS.flatMap(([name, symbol]) => {
    const address = kernel.address(symbol)
    if (address === null) return []
    const found = kernel.symbol(symbol, 'char *').select({ text: text('', LONGEST) })
    return [{ name, address, value: found.length === 0 ? null : found.column('text').text(0) }]
  })
}

function numbers(kernel: Kernel): Fact[] {
  return NUMBERS.flatMap(([name, symbol, type, show]) => {
    const address = kernel.address(symbol)
    if (address === null) return []
    const [value = null] = readValues(kernel, type, [address])
    return [{ name, address, value: value === null ? null : show(BigInt(value)) }]
  })
}

function variables(kernel: Kernel): Fact[] {
  return VARIABLES.flatMap(({ name, symbol, type, value, show }) => {
    const address = kernel.address(symbol)
    if (address === null) return []
    // A kernel has the types of its own architecture alone.
    const found = unlessLacking(() => kernel.symbol(symbol, type).select({ value })).value
    if (found === null) return []
    const read = found.length === 0 ? null : found.column('value').get(0)
    return [{ name, address, value: read === null ? null : show(String(read)) }]
  })
}

function processors(kernel: Kernel): Fact[] {
  const address = kernel.address('__cpu_online_mask')
  if (address === null) return []
  const online = onlineCpus(kernel)
  return [{ name: 'cpu.online', address, value: online === null ? null : String(online) }]
}
