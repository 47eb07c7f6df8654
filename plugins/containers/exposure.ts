import { defineAnalyzer, need, optional, type Row, text } from 'salvor'
import {
  containerNames,
  type ExposedContainer,
  type ExposedMount,
  exposedSettings,
  hostFiles,
  isOwn,
  knownFlaws,
  ownerOf,
  readBuilt,
  readKubeletSettings,
  versionsOf,
  WAYS,
} from 'salvor/containers'
import info from '../image/info.js'
import kernelSettings from '../kernel/kernel-settings.js'
import credentials from '../processes/credentials.js'
import processes from '../processes/processes.js'
import cgroups from './cgroups.js'
import containers from './containers.js'
import kubernetes from './kubernetes.js'
import pods from './pods.js'

/** What engines and the kubelet bind into every container. */
const USUAL =
  /^\/(?:etc\/(?:hosts|hostname|resolv\.conf)|dev\/(?:termination-log|shm))$|^(?:\/var)?\/run\/secrets\/kubernetes\.io\//
const TOKEN = /^(?:\/var)?\/run\/secrets\/kubernetes\.io\/serviceaccount$/
const NAMESPACES = ['mnt', 'pid', 'net', 'uts', 'ipc', 'user', 'cgroup'] as const

type ContainerRow = Row<typeof containers.columns>
type ProcessRow = Row<typeof processes.columns>
interface Declared {
  readonly source: string | null
  readonly target: string
  readonly type: string
  readonly options: readonly string[]
}

const inode = (process: ProcessRow, type: (typeof NAMESPACES)[number]) => process[`${type}_ns`]

function mountsOf({ mounts }: ContainerRow): ExposedMount[] {
  return ((mounts ?? []) as Declared[])
    .filter(({ source, target, type }) => type === 'bind' && !USUAL.test(target) && !isOwn(source))
    .map(({ source, target, options }) => ({ source, target, read_only: options.includes('ro') }))
}

/** Where the token of its pod's account is mounted, and whose that is; null where none is. */
function tokenOf({ mounts, pod_namespace }: ContainerRow, account: string | null): string | null {
  const mount = ((mounts ?? []) as Declared[]).find(({ target }) => TOKEN.test(target))
  if (mount === undefined) return null
  return account === null ? mount.target : `${mount.target}: account ${pod_namespace}/${account}`
}

export default defineAnalyzer({
  name: 'exposure',
  aliases: ['escapes', 'readiness'],
  summary: 'What each running container could do to its node whether or not it did, and settings that weaken the node',
  description:
    'Posture, not findings: a row says what an attacker inside could use, by which of its capabilities, mounts and ' +
    'namespaces. Names in capitals are those of edges in graphs of attacks. Rows without a container are about the node: ' +
    'settings of its kernel, its daemons and its kubelet, by arguments and configuration, and well-known holes of the ' +
    'versions that it has. What a token may do the API server decides: it is in no memory of the node. Distributions mend ' +
    'holes without changing the version, and a version that nothing in memory tells makes no row.',
  torn: 'a row rests on what was whole; what could not be read makes none.',
  examples: [
    { command: 'salvor exposure memory.elf', what: 'every container, and the node' },
    { command: 'salvor exposure memory.elf --container corp-agent', what: 'one container' },
  ],
  columns: {
    container: text('Id of the container; null for the node', { meaning: 'container' }),
    container_name: text('Name of that container', { meaning: 'container_name' }),
    pod: text('Its Kubernetes pod, as namespace/name', { meaning: 'pod', detail: true }),
    exposure: text('What it is called'),
    title: text('What is possible'),
    leads_to: text('What is reached by it'),
    because: text('What makes it possible'),
    attack: text('ATT&CK technique', { detail: true }),
  },
  needs: {
    containers: need(containers),
    processes: need(processes),
    credentials: need(credentials),
    cgroups: need(cgroups),
    info: need(info),
    settings: optional(kernelSettings),
    kubernetes: optional(kubernetes),
    pods: optional(pods),
  },
  *run({ kernel, tables, warn }) {
    const names = containerNames(kernel)
    const all = [...tables.processes.rows()]
    const byPid = new Map(all.map((process) => [process.pid, process]))
    const creds = new Map([...tables.credentials.rows()].map((row) => [row.pid, row]))
    const host = byPid.get(1)
    const accounts = new Map(
      [...(tables.pods.table?.rows() ?? [])].map((pod) => [`${pod.namespace}/${pod.name}`, pod.service_account]),
    )
    const cgroup_v1 = [...tables.cgroups.rows()].some(({ hierarchy }) => hierarchy !== 'unified')

    const exposed = (row: ContainerRow, init: ProcessRow): ExposedContainer => {
      const held = creds.get(init.pid)
      const own = ownerOf(row.id, names).pod
      const sharing = all
        .filter(
          ({ container, pid_ns }) =>
            container !== null && container !== row.id && pid_ns === init.pid_ns && pid_ns !== host?.pid_ns,
        )
        .map(({ container }) => ownerOf(container, names))
        .filter(({ pod }) => pod === null || pod !== own)
      return {
        capabilities:
          held?.cap_permitted == null ? null : new Set([...held.cap_permitted, ...(held.cap_bounding ?? [])]),
        seccomp: held?.seccomp ?? null,
        label: held?.label ?? null,
        host: new Set(
          NAMESPACES.filter(
            (type) => host !== undefined && inode(init, type) !== null && inode(init, type) === inode(host, type),
          ),
        ),
        root: host === undefined || init.user_ns === null ? null : init.user_ns === host.user_ns,
        privileged: row.privileged,
        mounts: mountsOf(row),
        token: tokenOf(row, accounts.get(own ?? '') ?? null),
        shares_processes: [...new Set(sharing.map(({ container_name }) => container_name ?? 'a container'))],
        cgroup_v1,
      }
    }

    for (const row of tables.containers.rows()) {
      // A pod's sandbox only sleeps.
      if (row.kind === 'sandbox') continue
      const init = row.init_pid === null ? undefined : byPid.get(row.init_pid)
      if (init === undefined) continue
      const container = exposed(row, init)
      yield WAYS.flatMap(({ name, title, leads_to, attack, because }) => {
        const why = because(container)
        return why === null
          ? []
          : [{ ...ownerOf(row.id, names), exposure: name, title, leads_to, because: why, attack }]
      })
    }
    const { table, why } = tables.settings
    if (table === null) warn({ code: 'absent', message: `no settings of the kernel: ${why}` })
    const settings = table === null ? [] : [...table.rows()].map(({ name, value }) => ({ name, value }))
    yield exposedSettings(settings, all).map(({ name, ...setting }) => ({
      ...ownerOf(null, names),
      exposure: name,
      ...setting,
    }))
    const files = hostFiles(kernel)
    const components = [...(tables.kubernetes.table?.rows() ?? [])]
    const versions = versionsOf(components, [...tables.info.rows()][0], files, readBuilt(kernel, files))
    const node = [...readKubeletSettings(kernel, files), ...knownFlaws(versions)]
    yield node.map(({ name, ...found }) => ({ ...ownerOf(null, names), exposure: name, ...found }))
  },
})
