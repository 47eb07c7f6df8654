/** Settings against sysctl -a of the guests themselves, and what else they recorded of how their kernels are set. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rangesOf } from '../../dist/src/kernel/sysctl-computed.js'
import { samples, sharedImages, table } from './images.js'
import { patchedCopy, word } from './patched.js'

/** What moves by itself, and what the recorder set for its own sake. */
const RESTLESS =
  /^(fs\.(dentry-state|file-nr|inode-|aio-nr|quota\.)|kernel\.(random\.(uuid|entropy)|pty\.nr|ns_last_pid|kptr_restrict|perf_event_max_sample_rate)|net\.netfilter\.nf_conntrack_count)/
/** What only its handler can tell, or is a secret. */
const UNTOLD =
  /^fs\.binfmt_misc\.|\.(unres_qlen|netdev_rss_key|tcp_fastopen_key|flow_limit_cpu_bitmap|rps_sock_flow_entries|rps_default_mask|sched_energy_aware|stat_refresh|fib_multipath_hash_seed|kexec_load_limit_(panic|reboot))$|^net\.mptcp\.(available_schedulers|scheduler)$/

/** Samples that were made when this table was there. */
const images = [...samples().filter((image) => image.has('raw/sysctl.txt')), ...sharedImages()]

describe.each(images)('$title', (image) => {
  image.require()

  it('has every setting that sysctl had, with its value', () => {
    const { rows } = table('kernel-settings', image.as(image.formats[0] ?? 'lime'))
    const values = new Map(rows.map(({ name, value }) => [name, value as string | null]))
    expect(values.size).toBe(rows.length)
    const lines = image.text('raw/sysctl.txt').trim().split('\n')
    const wanted = lines.map((line) => line.split(/ = (.*)/s)).filter(([name = '']) => !RESTLESS.test(name))
    expect(wanted.length).toBeGreaterThan(900)
    const known = wanted.filter(([name = '']) => values.has(name))
    const plain = (value = '') => value.split(/\s+/).filter(Boolean)
    expect(known.map(([name = '']) => [name, plain(values.get(name) ?? '?')])).toEqual(
      known.map(([name = '', value]) => [name, plain(value)]),
    )
    const missing = wanted.filter(([name = '']) => !values.has(name) && !UNTOLD.test(name))
    expect(missing).toEqual([])
  })

  it('tells how the kernel was started and what it protects itself with', () => {
    const { rows } = table('kernel-settings', image.as(image.formats[0] ?? 'lime'))
    const values = new Map(rows.map(({ name, value }) => [name, value]))
    expect(values.get('boot.arguments')).toBe(image.text('raw/proc-cmdline.txt').replace(/\n$/, ''))
    expect(values.get('security.modules')).toBe(image.text('raw/sys-kernel-security-lsm.txt').trim())
    expect(values.get('security.lockdown')).toBe('none')
    expect(values.get('kernel.taint_letters')).toBe('')
    const cpus = [...image.text('raw/proc-cpuinfo.txt').matchAll(/^model name\s*: (.*)$/gm)]
    expect(values.get('cpu.online')).toBe(String(cpus.length))
    expect(values.get('cpu.model')).toBe(cpus[0]?.[1]?.trim())
  })
})

for (const image of sharedImages()) {
  describe(`${image.title} in which rules of audit are loaded`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel) => {
      const at = kernel.address('audit_n_rules') ?? 0n
      const { value } = word(kernel, at, 'unsigned long', '')
      return [[at, value, (value & ~0xffff_ffffn) | 12n]]
    })
    const rules = (path: string) =>
      table('kernel-settings', path).rows.find(({ name }) => name === 'audit.syscall_rules')

    it('counts them, and none where nothing is installed that loads any', () => {
      expect(image.text('raw/packages.txt')).not.toContain('auditd')
      expect(rules(image.as('elf'))?.value).toBe('0')
      expect(rules(copy.path)?.value).toBe('12')
    })
  })
}

for (const image of sharedImages().slice(0, 1)) {
  describe(`${image.title} whose core dumps go to a program`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel) => {
      const at = kernel.address('core_pattern') ?? 0n
      const { value } = word(kernel, at, 'unsigned long', '')
      return [[at, value, Buffer.from('|/tmp/x\0').readBigUInt64LE()]]
    })

    it('shows the changed setting', () => {
      const { rows } = table('kernel-settings', copy.path)
      expect(rows.find(({ name }) => name === 'kernel.core_pattern')).toMatchObject({ value: '|/tmp/x' })
    })
  })
}

describe('bits that are set', () => {
  it('are ranges that name each of them once', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const named = rangesOf(bytes)
          .split(',')
          .filter(Boolean)
          .flatMap((range) => {
            const [first = 0, last = first] = range.split('-').map(Number)
            return Array.from({ length: last - first + 1 }, (_, at) => first + at)
          })
        const set = [...bytes].flatMap((byte, at) =>
          [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (1 << bit)).map((bit) => at * 8 + bit),
        )
        expect(named).toEqual(set)
      }),
    )
  })
})
