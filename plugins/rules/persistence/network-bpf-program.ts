import { defineRule, isAgent, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import bpfAttachments from '../../kernel/bpf-attachments.js'
import bpfPrograms from '../../kernel/bpf-programs.js'
import processes from '../../processes/processes.js'

/** How the network plugins that work so name their programs. */
const OF_PLUGINS = /^(?:cil_|cali_|calico_|handle_|tail_|antrea)/

export default defineRule({
  name: 'network-bpf-program',
  title: 'A BPF program sees or changes the packets of a network interface',
  means:
    'It comes before every firewall and every tool that captures packets: it can drop, redirect or hide them, and wake at a ' +
    'secret one. Network plugins and load balancers work so; others hardly.',
  next: [
    'Read its instructions with bpf-instructions and its maps with bpf-map-entries',
    'See in bpf-programs who loaded it and when, and which helpers it calls',
  ],
  tactic: 'persistence',
  attack: ['T1205.002', 'T1014'],
  severity: 'medium',
  confidence: 'medium',
  reads: {
    attachments: need(bpfAttachments),
    programs: need(bpfPrograms),
    processes: need(processes),
    containers: need(containers),
  },
  *find({ attachments, programs, processes, containers }, known) {
    const hasPlugin = containers.rows.some(({ id }) => known.byDesign(id)?.includes('network plugin') === true)
    const told = new Set<unknown>()
    for (const attachment of attachments.where('kind', 'interface')) {
      const program = programs.where('id', attachment.program_id)[0]
      if (told.has(attachment.program)) continue
      told.add(attachment.program)
      const holder = program?.pid == null ? undefined : processes.where('pid', program.pid)[0]
      const named = hasPlugin && OF_PLUGINS.test(attachment.name ?? '') && holder?.container !== null
      const isKnown = holder !== undefined && (isAgent(holder) || known.byDesign(holder.container) !== null)
      const worst = attachment.hidden === true ? 'critical' : 'medium'
      const whose = holder === undefined ? 'which no process holds' : `held by ${quote(holder.args)}`
      yield {
        about: holder ?? {},
        severity: isKnown ? 'info' : named ? 'low' : worst,
        summary: `${quote(attachment.name)} is attached as ${attachment.type} to ${quote(attachment.target)}, ${whose}`,
        evidence: [attachment, ...(program === undefined ? [] : [program]), ...(holder === undefined ? [] : [holder])],
      }
    }
  },
})
