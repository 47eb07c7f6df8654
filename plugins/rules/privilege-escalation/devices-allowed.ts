import { defineRule, need } from 'salvor'
import containers from '../../containers/containers.js'
import bpfAttachments from '../../kernel/bpf-attachments.js'
import bpfPrograms from '../../kernel/bpf-programs.js'

/** Bytes of a program that tests no device: what it loads from its context, a verdict and the end (runc, crun and systemd write it so). */
const WITHOUT_A_TEST = 64

export default defineRule({
  name: 'devices-allowed',
  title: 'A container that may use all devices of the host, though it was not started privileged',
  means:
    'Which devices a container may open is tested by a program at its cgroup. This one tests none: the ' +
    'container can make a node for the host’s disk and read it.',
  next: ['Look for block devices in open-files of the container', 'See in bpf-attachments what is at its cgroup'],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'medium',
  confidence: 'medium',
  reads: { containers: need(containers), attachments: need(bpfAttachments), programs: need(bpfPrograms) },
  *find({ containers, attachments, programs }, known) {
    const gates = attachments.where('type', 'cgroup_device')
    for (const container of containers.rows) {
      if (container.init_pid === null || container.privileged !== false || known.byDesign(container.id) !== null)
        continue
      const own = gates.filter((gate) => gate.container === container.id)
      const sizes = own.map(({ program_id }) => programs.where('id', program_id)[0]?.size ?? null)
      if (own.length === 0 || !sizes.every((size) => size !== null && Number(size) <= WITHOUT_A_TEST)) continue
      yield {
        about: { container: container.id, pid: container.init_pid },
        summary: 'The program at its cgroup allows all devices',
        evidence: [container, ...own],
      }
    }
  },
})
