import { append, defineRule, lessIfTorn, need, quote } from 'salvor'
import info from '../../image/info.js'
import kernelHooks from '../../kernel/kernel-hooks.js'
import modules from '../../kernel/modules.js'

/** Bits of an address within what is taken for the memory of one module, where none is known for it. */
const NEAR = 21n
/** Rows of a finding; a module may have hundreds of functions. */
const MOST = 20

export default defineRule({
  name: 'kernel-hook',
  title: 'A function of the kernel was put in another’s place',
  means:
    'A pointer by which the kernel finds its functions, or the first bytes of a function, lead where they should not: ' +
    'into no known code, or into a module that has no business there. So rootkits hide files, processes and connections.',
  next: [
    'See in modules whose code it leads into, and in kernel-log when that came',
    'Trust no list that the changed function makes: compare with process-scan and files',
  ],
  tactic: 'defense-evasion',
  attack: ['T1014'],
  severity: 'critical',
  confidence: 'high',
  reads: { hooks: need(kernelHooks), modules: need(modules), info: need(info) },
  *find({ hooks, modules, info }) {
    const places = modules.rows.flatMap(({ name, base, size }) =>
      base === null || size === null ? [] : [{ name, from: BigInt(base), to: BigInt(base) + BigInt(size) }],
    )
    const placeOf = (address: bigint) => places.find(({ from, to }) => address >= from && address < to)?.name ?? null
    const groups = new Map<string, Hook[]>()
    for (const hook of hooks.where('suspicious', true)) {
      const address = hook.address === null ? null : BigInt(hook.address)
      const place = hook.module ?? (address === null ? null : (placeOf(address) ?? `${address >> NEAR}`))
      append(groups, `${place}`, hook)
    }
    for (const [first, ...others] of groups.values()) {
      if (first === undefined) continue
      const owner = first.module ?? (first.address === null ? null : placeOf(BigInt(first.address)))
      yield {
        ...lessIfTorn(info),
        summary: `${told(first, owner)}${others.length === 0 ? '' : `, and ${others.length} others into the same memory`}`,
        evidence: [first, ...others.slice(0, MOST)],
      }
    }
    for (const hook of hooks.where('suspicious', null)) {
      yield {
        severity: 'low',
        confidence: 'low',
        summary: `${hook.kind} ${quote(hook.name)} leads into code that no module is known for; the image may have lost one`,
        evidence: [hook],
      }
    }
  },
})

interface Hook {
  readonly kind: string | null
  readonly name: string | null
  readonly address: number | bigint | null
  readonly symbol: string | null
  readonly module: string | null
  readonly expected: string | null
}

function told({ kind, name, address, symbol, expected }: Hook, owner: string | null): string {
  const to = symbol ?? (address === null ? 'nowhere' : `0x${address.toString(16)}`)
  const instead = expected === null ? '' : `, and not to ${quote(expected)}`
  return `${kind} ${quote(name)} leads to ${quote(to)} of ${owner === null ? 'no known module' : quote(owner)}${instead}`
}
