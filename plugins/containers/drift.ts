import { append, defineAnalyzer, flag, need, type Row, text } from 'salvor'
import {
  containerDeclarations,
  containerFinder,
  containerNames,
  type Difference,
  type DriftEvidence,
  type DriftFilter,
  type DriftProcess,
  driftOf,
  listedTasks,
  memberColumns,
  ownerOf,
  ownLimits,
} from 'salvor/containers'
import {
  isLeader,
  type Kernel,
  readDeviceRules,
  readSeccompTrials,
  type SeccompTrial,
  type Verdict,
} from 'salvor/kernel'
import files from '../files/files.js'
import mounts from '../files/mounts.js'
import credentials from '../processes/credentials.js'
import processes from '../processes/processes.js'
import seccompFilters from '../processes/seccomp-filters.js'
import cgroupLimits from './cgroup-limits.js'
import containers from './containers.js'

/** Rows of a table by what a column has. */
function grouped<T>(rows: Iterable<T>, key: (row: T) => unknown): Map<unknown, T[]> {
  const groups = new Map<unknown, T[]>()
  for (const row of rows) append(groups, key(row), row)
  return groups
}

type ProcessRow = Row<typeof processes.columns>
type CredentialRow = Row<typeof credentials.columns>

function driftProcess(row: ProcessRow, cred: CredentialRow | undefined): DriftProcess {
  const number = (value: number | bigint | null | undefined) => (value == null ? null : Number(value))
  return {
    pid: number(row.pid),
    comm: row.comm,
    args: row.args,
    exe: row.exe,
    namespaces: {
      mnt: number(row.mnt_ns),
      pid: number(row.pid_ns),
      net: number(row.net_ns),
      uts: number(row.uts_ns),
      ipc: number(row.ipc_ns),
      user: number(row.user_ns),
      cgroup: number(row.cgroup_ns),
      time: number(row.time_ns),
    },
    uid: number(row.uid),
    uid_map: cred?.uid_map ?? null,
    cap_permitted: cred?.cap_permitted ?? null,
    cap_bounding: cred?.cap_bounding ?? null,
    seccomp: cred?.seccomp ?? null,
    no_new_privs: cred?.no_new_privs ?? null,
    label: cred?.label ?? null,
  }
}

type FilterRow = Row<typeof seccompFilters.columns>

function driftFilter(row: FilterRow, trials: ReadonlyMap<bigint, SeccompTrial>): DriftFilter {
  const verdicts = [
    ...(row.allowed_calls ?? []).map((name) => [name, 'allowed'] as const),
    ...(row.conditional_calls ?? []).map((name) => [name, 'conditional'] as const),
    ...(row.denied_calls ?? []).map((name) => [name, 'denied'] as const),
  ] as [string, Verdict][]
  return {
    pids: new Set((row.pids ?? []).map(Number)),
    chain: (row.chain ?? []) as string[],
    verdicts: row.denied_calls === null ? null : new Map(verdicts),
    reason: row.reason,
    bypassed: (row.bypassed ?? []) as string[],
    changed: row.changed === true,
    trial: trials.get(BigInt(row.address ?? 0)) ?? null,
  }
}

/**
 * What decides about devices for containers: none for one of which nothing does, while something does for some cgroup, and
 * no page of the kernel's types or symbols is lost, for then what decides may be too. All
 * that hold for the first process count: podman has a cgroup of its own within the one that systemd made.
 */
function deviceFinder(kernel: Kernel): (container: string, cgroup: string | null) => DriftEvidence['devices'] {
  const containerOf = containerFinder(kernel, listedTasks(kernel).filter(isLeader))
  const rules = readDeviceRules(kernel)
  const byContainer = grouped(rules, ({ path }) => containerOf(path))
  const isWhole = kernel.info.warnings.every(({ code }) => code !== 'unreadable')
  return (container, cgroup) => {
    const own = byContainer.get(container) ?? []
    return own.find(({ path }) => path === cgroup) ?? own[0] ?? (rules.length > 0 && isWhole ? 'none' : null)
  }
}

const UNDECLARED: Difference = {
  aspect: 'declaration',
  name: null,
  declared: null,
  actual: 'it runs, and its declaration is not in memory: nothing was compared',
  weaker: null,
  process: null,
}

export default defineAnalyzer({
  name: 'drift',
  aliases: ['declared-against-actual'],
  summary: 'What of each running container is not as it was declared, and programs that are not from its image',
  description:
    'The OCI config.json that the runtime was given, against what the kernel holds of its processes, mounts, cgroup and ' +
    'files. Filters of system calls and rules for devices are compared by what their instructions do; calls that depend on their ' +
    'arguments are tried with those that the profile or the filter tells apart. `weaker` marks what ' +
    'lets the container do more than was declared. A container whose declaration has left memory has one row that says so.',
  torn: 'a difference is between what was whole in memory; what could not be read is no difference.',
  examples: [
    { command: 'salvor drift memory.elf', what: 'all containers' },
    { command: 'salvor drift memory.elf --container shop-web-1 --wide', what: 'one container' },
  ],
  columns: {
    ...memberColumns,
    aspect: text('What differs: capabilities, seccomp, lsm, namespace, user, command, mount, masked-path, file …'),
    name: text('Of what: a namespace, a path, a limit, capabilities'),
    declared: text('What was declared'),
    actual: text('What is so'),
    weaker: flag('Whether it may do more than was declared; null where that cannot be told'),
    source: text('Where the declaration was found', { detail: true }),
  },
  needs: {
    containers: need(containers),
    processes: need(processes),
    credentials: need(credentials),
    mounts: need(mounts),
    limits: need(cgroupLimits),
    files: need(files),
    filters: need(seccompFilters),
  },
  *run({ kernel, tables }) {
    const declared = containerDeclarations(kernel)
    const names = containerNames(kernel)
    const creds = grouped(tables.credentials.rows(), ({ pid }) => pid)
    const all = [...tables.processes.rows()].map((row) => ({
      container: row.container,
      process: driftProcess(row, creds.get(row.pid)?.[0]),
    }))
    const host = all.find(({ process }) => process.pid === 1)?.process.namespaces ?? null
    const byPid = new Map(all.map(({ process }) => [process.pid, process.namespaces]))
    const running = grouped(all, ({ container }) => container)
    const mounted = grouped(tables.mounts.rows(), ({ mnt_ns }) => mnt_ns)
    const limits = grouped(tables.limits.rows(), ({ container }) => container)
    const cached = grouped(tables.files.rows(), ({ container }) => container)
    const devicesOf = deviceFinder(kernel)
    const cgroups = new Map([...tables.processes.rows()].map(({ pid, cgroup }) => [pid, cgroup]))
    const held = [...tables.filters.rows()]
    const chains = held.map(({ chain }) => ((chain ?? []) as string[]).map(BigInt))
    const trials = readSeccompTrials(kernel, chains)
    const filters = held.map((row) => driftFilter(row, trials))
    // What is masked or bound read-only in one container is there in all.
    const there = new Set(
      [...tables.mounts.rows()].flatMap(({ target, type }) => (type === 'rootfs' ? [] : (target ?? []))),
    )

    for (const { id, init_pid } of tables.containers.rows()) {
      const members = (running.get(id) ?? []).map(({ process }) => process)
      if (id === null || members.length === 0) continue
      const declaration = declared.get(id)
      const init = members.find(({ pid }) => pid === init_pid) ?? null
      const evidence = (spec: DriftEvidence['spec']): DriftEvidence => ({
        spec,
        init,
        processes: members,
        host,
        others: (pid) => byPid.get(pid),
        mounts: init === null ? null : (mounted.get(init.namespaces.mnt) ?? null),
        files: cached.get(id) ?? [],
        limits: ownLimits(limits.get(id) ?? []),
        devices: devicesOf(id, cgroups.get(init_pid) ?? null),
        filters: filters.filter(({ pids }) => members.some(({ pid }) => pid !== null && pids.has(pid))),
        exists: (path) => (there.has(path) ? true : null),
      })
      const differences = declaration === undefined ? [UNDECLARED] : driftOf(evidence(declaration.spec))
      yield differences.map(({ process, ...difference }) => ({
        pid: process?.pid ?? null,
        comm: process?.comm ?? null,
        ...ownerOf(id, names),
        ...difference,
        source: declaration?.source ?? null,
      }))
    }
  },
})
