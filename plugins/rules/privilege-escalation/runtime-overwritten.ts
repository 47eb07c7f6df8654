import { defineRule, isEngine, need, quote } from 'salvor'
import files from '../../files/files.js'
import info from '../../image/info.js'
import processes from '../../processes/processes.js'

const RUNTIME =
  /^\/(?:usr\/)?(?:local\/)?s?bin\/(?:runc|crun|youki|docker-runc|docker-init|containerd-shim(?:-[\w-]+)?|conmon)$/

export default defineRule({
  name: 'runtime-overwritten',
  title: 'A program that starts containers was written while they ran',
  means:
    'Its contents changed after the host booted and containers had started. Packages keep the time at which they were ' +
    'built; who writes over runc from a container does not (CVE-2019-5736).',
  next: [
    'Extract the program and compare its hash with that of the package',
    'Look in timeline for what else happened at that time',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611', 'T1554'],
  severity: 'medium',
  confidence: 'low',
  reads: { files: need(files), info: need(info), processes: need(processes) },
  *find({ files, info, processes }) {
    const boot = Date.parse(info.rows[0]?.boot_time ?? '')
    const engines = processes.rows.filter((process) => isEngine(processes, process))
    const first = Math.min(
      ...engines.map(({ started }) => Date.parse(started ?? '')).filter((time) => !Number.isNaN(time)),
    )
    if (Number.isNaN(boot) || !Number.isFinite(first)) return
    for (const file of files.where('container', null)) {
      if (file.path === null || file.type !== 'file' || file.mount_id === null || !RUNTIME.test(file.path)) continue
      const modified = Date.parse(file.modified ?? '')
      if (!(modified > boot && modified > first)) continue
      yield {
        summary: `${quote(file.path)} was written at ${file.modified}`,
        evidence: [file],
      }
    }
  },
})
