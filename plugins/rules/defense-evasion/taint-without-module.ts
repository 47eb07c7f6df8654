import { defineRule, need } from 'salvor'
import kernelSettings from '../../kernel/kernel-settings.js'
import modules from '../../kernel/modules.js'

/** Bits of taint that a module sets when it is loaded, with their letters (include/linux/panic.h). */
const OF_MODULES = [
  [1, 'F'],
  [12, 'O'],
  [13, 'E'],
] as const

export default defineRule({
  name: 'taint-without-module',
  title: 'The kernel is marked by a foreign module, and none of its modules bears the mark',
  means:
    'A module from elsewhere marks the kernel for good, and bears the same mark itself. It was unloaded since, or it is ' +
    'hidden and wiped its mark.',
  next: [
    'Look in kernel-log for “loading out-of-tree module”',
    'Search kernel-hooks for what leads into no module that is known',
  ],
  tactic: 'defense-evasion',
  attack: ['T1014', 'T1547.006'],
  severity: 'medium',
  confidence: 'low',
  reads: { settings: need(kernelSettings), modules: need(modules) },
  *find({ settings, modules }) {
    const [setting] = settings.where('name', 'kernel.tainted')
    const value = setting?.value ?? ''
    if (setting === undefined || !/^\d{1,15}$/.test(value) || modules.rows.length === 0) return
    const lost = OF_MODULES.filter(
      ([bit, letter]) =>
        Math.floor(Number(value) / 2 ** bit) % 2 === 1 && !modules.rows.some(({ taints }) => taints?.includes(letter)),
    )
    if (lost.length === 0) return
    yield {
      summary: `kernel.tainted is ${value}: ${lost.map(([, letter]) => letter).join(', ')} is of no module that is there`,
      evidence: [setting],
    }
  },
})
