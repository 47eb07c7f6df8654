import { defineRule, need, quote } from 'salvor'
import openFiles from '../../files/open-files.js'

const RUNTIME =
  /\/(?:runc|crun|youki|docker-runc|docker-init|containerd|containerd-shim(?:-[\w-]+)?|dockerd|crio|conmon|kubelet)(?: \(deleted\))?$/
const PROGRAMS = /^\/(?:usr\/)?(?:local\/)?s?bin\/|^\/opt\/|^\/var\/lib\/rancher\/|^\/proc\//
/** Read, write or both, as open(2) has them (include/uapi/asm-generic/fcntl.h). */
const ACCESS = 3

export default defineRule({
  name: 'runtime-opened-for-writing',
  title: 'A program that starts containers is open for writing',
  means:
    'Who writes over runc or a shim runs as root on the host the next time that a container is started (CVE-2019-5736). ' +
    'An upgrade of the package writes a new file instead.',
  next: [
    'Extract the program and compare its hash with that of the package',
    'See which process has it open, and what started it',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611', 'T1554'],
  severity: 'high',
  confidence: 'medium',
  reads: { files: need(openFiles) },
  *find({ files }) {
    for (const file of files.where('type', 'file')) {
      if (file.path === null || file.flags === null || !RUNTIME.test(file.path) || !PROGRAMS.test(file.path)) continue
      if ((Number.parseInt(file.flags, 8) & ACCESS) === 0) continue
      yield {
        about: file,
        severity: file.container === null ? 'high' : 'critical',
        summary: `${quote(file.comm)} has ${quote(file.path)} open for writing`,
        evidence: [file],
      }
    }
  },
})
