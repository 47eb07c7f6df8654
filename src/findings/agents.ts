/** Programs of the host that watch it by trade: tracers, debuggers and security agents. */

import { isInstalled, programName } from './programs.js'

interface Running {
  readonly exe: string | null
  readonly args: readonly string[] | null
  readonly comm: string | null
  readonly container: string | null
}

const DEBUGGERS =
  /^(?:gdb|gdbserver|strace|ltrace|lldb|lldb-server(?:-[\d.]+)?|dlv|rr|perf|bpftrace|valgrind|reptyr|criu|gcore|delve)$/
const AGENTS =
  /^(?:falco|tetragon|tracee|sysdig|auditbeat|elastic-(?:agent|endpoint)|falcon-sensor(?:-bpf)?|wdavdaemon|mdatp|osqueryd|datadog-agent|system-probe|security-agent|bpftrace|cilium-agent|pixie|beyla|parca-agent|ebpf_exporter|sentinelone-agent|s1-agent|ds_agent|wazuh-[\w-]+|tracer|systemd|systemd-[\w-]+)$/

function isOfHost(process: Running): boolean {
  return process.container === null && isInstalled(process.exe)
}

/** Whether it is an installed debugger or tracer that runs on the host itself. */
export function isDebugger(process: Running): boolean {
  return isOfHost(process) && DEBUGGERS.test(programName(process))
}

/** Whether it is an installed program of the host that watches by BPF. A name alone is no proof: it lowers, no more. */
export function isAgent(process: Running): boolean {
  return isOfHost(process) && AGENTS.test(programName(process))
}
