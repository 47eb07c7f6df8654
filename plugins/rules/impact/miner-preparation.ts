import { defineRule, need, quote } from 'salvor'
import kernelSettings from '../../kernel/kernel-settings.js'
import modules from '../../kernel/modules.js'

/** Pages of 2 MiB that RandomX takes for its data and a thread's own: 1168 and more (xmrig's documentation of huge pages). */
const FEWEST = 1168

export default defineRule({
  name: 'miner-preparation',
  title: 'The host is set up as miners set it up',
  means:
    'Miners of RandomX load the module msr, to switch off what the processor reads ahead, and reserve huge pages. Either ' +
    'has honest uses: databases and virtual machines take huge pages, tools for power and speed take msr.',
  next: ['Look in processes for what takes the time of the processors', 'See findings of miner, and shell-history'],
  tactic: 'impact',
  attack: ['T1496.001'],
  kubernetes: ['MS-TA9039'],
  severity: 'low',
  confidence: 'low',
  reads: { modules: need(modules), settings: need(kernelSettings) },
  *find({ modules, settings }) {
    const [module] = modules.where('name', 'msr')
    const reserved = settings.where('name', 'vm.nr_hugepages').find(({ value }) => Number(value ?? 0) >= FEWEST)
    if (module === undefined || reserved === undefined) return
    yield {
      summary: `The module msr is loaded, and ${quote(reserved.value)} huge pages are reserved`,
      evidence: [module, reserved],
    }
  },
})
