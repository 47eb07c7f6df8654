/** Settings whose value lies as it is where their table says, by the function that shows it (kernel/sysctl.c). */

import type { Kernel } from './kernel.js'
import { type Plain, readTexts, readValues } from './values.js'

/** What a value is read by. */
export interface Entry {
  /** Of the `struct ctl_table`. */
  table: bigint
  name: string
  /** Where the value lies. */
  data: bigint
  /** How many bytes of it there are. */
  length: number
}

/** Values of settings of one handler; undefined for one that it cannot tell. */
export type Reader = (entries: readonly Entry[]) => (string | null | undefined)[]

/** Show what lies there, one number or several; wrappers that only check what is written are among them. */
const INTEGERS = `
  proc_dointvec proc_dointvec_minmax proc_dointvec_minmax_sysadmin proc_dointvec_minmax_coredump
  proc_dointvec_minmax_warn_RT_change proc_dointvec_minmax_bpf_restricted proc_dointvec_minmax_bpf_enable
  proc_dou8vec_minmax proc_do_rointvec
  devinet_conf_proc devinet_sysctl_forward ipv4_doint_and_flush neigh_proc_dointvec neigh_proc_dointvec_zero_intmax
  addrconf_sysctl_forward addrconf_sysctl_force_forwarding addrconf_sysctl_disable addrconf_sysctl_disable_policy
  addrconf_sysctl_ignore_routes_with_linkdown addrconf_sysctl_mtu addrconf_sysctl_proxy_ndp addrconf_sysctl_addr_gen_mode
  brnf_sysctl_call_tables proc_do_dev_weight flow_limit_table_len_sysctl proc_mem_pcpu_rsv
  ipv4_fwd_update_priority ipv4_privileged_ports ipv4_ping_group_range proc_fib_multipath_hash_policy
  proc_rt6_multipath_hash_policy proc_tfo_blackhole_detect_timeout proc_tcp_early_demux proc_udp_early_demux
  proc_blackhole_detect_timeout nf_conntrack_hash_sysctl
  apparmor_dointvec yama_dointvec_minmax bpf_unpriv_handler pid_mfd_noexec_dointvec_minmax
  perf_event_max_stack_handler perf_cpu_time_max_percent_handler perf_proc_update_handler
  perf_event_max_sample_rate_handler ftrace_enable_sysctl stack_trace_sysctl tracepoint_printk_sysctl
  sched_rt_handler sched_rr_handler sched_proc_update_handler sysctl_sched_uclamp_handler timer_migration_handler
  proc_watchdog_thresh
  compaction_proactiveness_sysctl_handler dirty_background_ratio_handler dirty_ratio_handler
  dirty_writeback_centisecs_handler dirtytime_interval_handler lowmem_reserve_ratio_sysctl_handler
  min_free_kbytes_sysctl_handler sysctl_min_slab_ratio_sysctl_handler sysctl_min_unmapped_ratio_sysctl_handler
  sysctl_vm_numa_stat_handler overcommit_policy_handler overcommit_ratio_handler percpu_pagelist_fraction_sysctl_handler
  percpu_pagelist_high_fraction_sysctl_handler watermark_boost_factor_sysctl_handler watermark_scale_factor_sysctl_handler
  proc_ipc_dointvec proc_ipc_dointvec_minmax proc_ipc_dointvec_minmax_orphans proc_ipc_sem_dointvec
  proc_mq_dointvec proc_mq_dointvec_minmax
`
const UNSIGNED = `
  proc_douintvec proc_douintvec_minmax proc_dopipe_max_size proc_fib_multipath_hash_fields proc_rt6_multipath_hash_fields
`
const LONGS = `
  proc_doulongvec_minmax proc_dolongvec_minmax_bpf_restricted proc_dohung_task_timeout_secs dirty_background_bytes_handler
  dirty_bytes_handler mmap_min_addr_handler overcommit_kbytes_handler proc_ipc_doulongvec_minmax
`
const TEXTS = `
  proc_dostring proc_dostring_coredump proc_do_uts_string devkmsg_sysctl_set_loglvl numa_zonelist_order_handler
`
/** Kept in ticks, shown in seconds, in milliseconds or in hundredths. */
const SECONDS = 'proc_dointvec_jiffies neigh_proc_dointvec_jiffies'
const MILLISECONDS = `
  proc_dointvec_ms_jiffies proc_dointvec_ms_jiffies_minmax neigh_proc_dointvec_ms_jiffies
  neigh_proc_dointvec_ms_jiffies_positive
`
const HUNDREDTHS = 'proc_dointvec_userhz_jiffies neigh_proc_dointvec_userhz_jiffies'
/** In seconds, but where their names say milliseconds, and ticks as they are of one (net/ipv6/ndisc.c). */
const BY_NAME = 'neigh_proc_base_reachable_time ndisc_ifinfo_sysctl_change'

/** USER_HZ (include/asm-generic/param.h). */
const USER_HZ = 100
/** Bytes of a `long`. */
const LONG = 8
const INT = 4
/** Numbers of one setting: more are damage. */
const MOST_NUMBERS = 64
const LONGEST_TEXT = 4096

/** Readers by their handlers' names. */
export function plainReaders(kernel: Kernel): [string, Reader][] {
  const ticks = ticksPerSecond(kernel)
  const named = (handlers: string, reader: Reader): [string, Reader][] =>
    handlers
      .trim()
      .split(/\s+/)
      .map((handler) => [handler, reader])
  const inTicks = (show: (value: number, hz: number) => number): Reader =>
    ticks === null ? unknown : numbers(kernel, 'int', INT, (value) => String(Math.trunc(show(Number(value), ticks))))
  const seconds = inTicks((value, hz) => value / hz)
  const milliseconds = inTicks((value, hz) => (value * 1000) / hz)
  return [
    ...named(INTEGERS, integers(kernel)),
    ...named(UNSIGNED, numbers(kernel, 'unsigned int', INT)),
    ...named(LONGS, numbers(kernel, 'unsigned long', LONG)),
    ...named(
      'proc_doulongvec_ms_jiffies_minmax',
      ticks === null
        ? unknown
        : numbers(kernel, 'unsigned long', LONG, (value) => String(Math.trunc((Number(value) * 1000) / ticks))),
    ),
    ...named(TEXTS, (entries) =>
      readTexts(
        kernel,
        entries.map(({ data }) => data),
        LONGEST_TEXT,
      ).map((text, row) => (entries[row]?.data === 0n ? '' : text)),
    ),
    ...named('proc_dobool', numbers(kernel, 'bool', INT)),
    ...named(SECONDS, seconds),
    ...named(MILLISECONDS, milliseconds),
    ...named(
      HUNDREDTHS,
      inTicks((value, hz) => (value * USER_HZ) / hz),
    ),
    ...named(
      BY_NAME,
      either(
        ({ name }) => name.endsWith('_ms'),
        milliseconds,
        either(({ name }) => name === 'retrans_time', integers(kernel), seconds),
      ),
    ),
  ]
}

function unknown(entries: readonly Entry[]): undefined[] {
  return entries.map(() => undefined)
}

/** One reader for some, another for the rest. */
function either(is: (entry: Entry) => boolean, yes: Reader, no: Reader): Reader {
  return (entries) => {
    const [those, others] = [entries.filter(is), entries.filter((entry) => !is(entry))]
    const [read, rest] = [yes(those)[Symbol.iterator](), no(others)[Symbol.iterator]()]
    return entries.map((entry) => (is(entry) ? read : rest).next().value)
  }
}

/** A number of one byte has a handler of its own from 5.13 on, and those of the protocols that show it do not. */
function integers(kernel: Kernel): Reader {
  return either(({ length }) => length === 1, numbers(kernel, 'unsigned char', 1), numbers(kernel, 'int', INT))
}

/** As many numbers as there is room for, with tabs between them; nothing where there is nowhere to look. */
function numbers(
  kernel: Kernel,
  type: string,
  size: number,
  show: (value: number | bigint) => string = String,
): Reader {
  return (entries) => {
    const counts = entries.map(({ data, length }) =>
      data === 0n ? 0 : Math.min(Math.max(1, Math.floor(length / size)), MOST_NUMBERS),
    )
    const places = entries.flatMap(({ data }, row) =>
      Array.from({ length: counts[row] ?? 0 }, (_, at) => data + BigInt(at * size)),
    )
    const values = readValues(kernel, type, places)
    let next = 0
    return counts.map((count) => {
      const own: Plain[] = values.slice(next, next + count)
      next += count
      return own.some((value) => value === null) ? null : own.map((value) => show(value ?? 0)).join('\t')
    })
  }
}

/** HZ, of which the clock of ticks keeps how many nanoseconds one takes (kernel/time/jiffies.c). */
export function ticksPerSecond(kernel: Kernel): number | null {
  if (kernel.address('clocksource_jiffies') === null) return null
  const clock = kernel.symbol('clocksource_jiffies', 'struct clocksource').select({ factor: 'mult', shift: 'shift' })
  const [factor, shift] = [clock.column('factor').number(0), clock.column('shift').number(0)]
  if (factor === null || shift === null || factor === 0 || shift > 31) return null
  return Math.round((1_000_000_000 * 2 ** shift) / factor)
}
