import { defineRule, lessIfTorn, need, quote } from 'salvor'
import info from '../../image/info.js'
import bpfLinks from '../../kernel/bpf-links.js'
import bpfMaps from '../../kernel/bpf-maps.js'
import bpfPrograms from '../../kernel/bpf-programs.js'

export default defineRule({
  name: 'hidden-bpf',
  title: 'A BPF program, link or map that the kernel’s table of ids lacks',
  means: 'It works and bpftool does not show it: somebody took it out of the table. No loader does so.',
  next: [
    'Read what it does with bpf-instructions and bpf-map-entries',
    'See in bpf-attachments and bpf-programs where it is attached and who holds it',
  ],
  tactic: 'defense-evasion',
  attack: ['T1014'],
  severity: 'critical',
  confidence: 'high',
  reads: {
    programs: need(bpfPrograms),
    links: need(bpfLinks),
    maps: need(bpfMaps),
    info: need(info),
  },
  *find({ programs, links, maps, info }) {
    const less = lessIfTorn(info)
    for (const program of programs.where('hidden', true)) {
      yield { about: program, ...less, summary: `The program ${quote(program.name)} is hidden`, evidence: [program] }
    }
    for (const link of links.where('hidden', true)) {
      yield { about: link, ...less, summary: `The link to ${quote(link.attached_to)} is hidden`, evidence: [link] }
    }
    for (const map of maps.where('hidden', true)) {
      yield { about: map, ...less, summary: `The map ${quote(map.name)} is hidden`, evidence: [map] }
    }
  },
})
