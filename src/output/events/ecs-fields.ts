/** Where a column goes in the Elastic Common Schema; what has no place there stays under `salvor` alone. */

/** How a value is written: a number that fits a long, a text, a list of texts, an address of a network, a date. */
export type EcsForm = 'long' | 'keyword' | 'keywords' | 'ip' | 'date' | 'transport'

export interface EcsField {
  readonly field: string
  readonly form: EcsForm
}

function field(name: string, form: EcsForm): EcsField {
  return { field: name, form }
}

export interface EcsTable {
  /** Of the allowed values of `event.category`. */
  readonly category: string
  /** Fields of its own columns, over those that all tables share. */
  readonly fields?: Readonly<Record<string, EcsField>>
}

/** Columns that mean the same in every table. */
export const sharedFields: Readonly<Record<string, EcsField>> = {
  pid: field('process.pid', 'long'),
  tid: field('process.thread.id', 'long'),
  comm: field('process.name', 'keyword'),
  container: field('container.id', 'keyword'),
  container_name: field('container.name', 'keyword'),
  pod: field('orchestrator.resource.name', 'keyword'),
  time: field('@timestamp', 'date'),
}

const task = {
  ppid: field('process.parent.pid', 'long'),
  args: field('process.args', 'keywords'),
  exe: field('process.executable', 'keyword'),
  uid: field('user.id', 'keyword'),
  euid: field('user.effective.id', 'keyword'),
  gid: field('group.id', 'keyword'),
  started: field('process.start', 'date'),
}

const file = {
  path: field('file.path', 'keyword'),
  inode: field('file.inode', 'keyword'),
  size: field('file.size', 'long'),
  type: field('file.type', 'keyword'),
  mode: field('file.mode', 'keyword'),
  uid: field('file.uid', 'keyword'),
  gid: field('file.gid', 'keyword'),
  accessed: field('file.accessed', 'date'),
  modified: field('file.mtime', 'date'),
  changed: field('file.ctime', 'date'),
  born: field('file.created', 'date'),
}

const tasks: EcsTable = { category: 'process', fields: task }
const ofProcess: EcsTable = { category: 'process' }

/** Tables by name. One that is not here has the shared fields and the category `host`. */
export const ecsTables: Readonly<Record<string, EcsTable>> = {
  processes: tasks,
  'process-tree': tasks,
  'process-scan': tasks,
  threads: tasks,
  'exited-processes': {
    category: 'process',
    fields: {
      ppid: task.ppid,
      uid: task.uid,
      started: task.started,
      exit_code: field('process.exit_code', 'long'),
    },
  },
  'kernel-threads': ofProcess,
  credentials: { category: 'process', fields: { uid: task.uid, euid: task.euid, gid: task.gid } },
  environment: ofProcess,
  signals: ofProcess,
  ptrace: ofProcess,
  'injected-memory': { category: 'process', fields: { path: file.path } },
  'memory-maps': { category: 'process', fields: { path: file.path, inode: file.inode } },
  libraries: {
    category: 'library',
    fields: { path: field('dll.path', 'keyword'), name: field('dll.name', 'keyword') },
  },
  'shell-history': { category: 'process', fields: { command: field('process.command_line', 'keyword') } },
  files: { category: 'file', fields: file },
  extract: {
    category: 'file',
    fields: {
      path: file.path,
      inode: file.inode,
      size: file.size,
      modified: file.modified,
      sha256: field('file.hash.sha256', 'keyword'),
    },
  },
  'open-files': {
    category: 'file',
    fields: { path: file.path, inode: file.inode, size: file.size },
  },
  sockets: {
    category: 'network',
    fields: {
      local_address: field('source.ip', 'ip'),
      local_port: field('source.port', 'long'),
      remote_address: field('destination.ip', 'ip'),
      remote_port: field('destination.port', 'long'),
      protocol: field('network.transport', 'transport'),
      uid: field('user.id', 'keyword'),
    },
  },
  'connections-tracked': {
    category: 'network',
    fields: {
      source: field('source.ip', 'ip'),
      source_port: field('source.port', 'long'),
      destination: field('destination.ip', 'ip'),
      destination_port: field('destination.port', 'long'),
      protocol: field('network.transport', 'transport'),
      sent_bytes: field('source.bytes', 'long'),
      sent_packets: field('source.packets', 'long'),
      received_bytes: field('destination.bytes', 'long'),
      received_packets: field('destination.packets', 'long'),
      started: field('event.start', 'date'),
    },
  },
  interfaces: { category: 'network' },
  neighbours: { category: 'network' },
  routes: { category: 'network' },
  firewall: { category: 'network' },
  modules: { category: 'driver' },
  'bpf-programs': { category: 'driver', fields: { uid: field('user.id', 'keyword') } },
  containers: {
    category: 'host',
    fields: {
      id: field('container.id', 'keyword'),
      name: field('container.name', 'keyword'),
      image: field('container.image.name', 'keyword'),
      runtime: field('container.runtime', 'keyword'),
      init_pid: field('process.pid', 'long'),
      pod_name: field('orchestrator.resource.name', 'keyword'),
      pod_namespace: field('orchestrator.namespace', 'keyword'),
    },
  },
  'kernel-log': {
    category: 'host',
    fields: { level: field('log.level', 'keyword'), text: field('message', 'keyword') },
  },
  'ssh-sessions': { category: 'session' },
  findings: {
    category: 'intrusion_detection',
    fields: {
      rule: field('rule.id', 'keyword'),
      title: field('rule.name', 'keyword'),
      tactic: field('threat.tactic.name', 'keywords'),
      attack: field('threat.technique.id', 'keywords'),
      summary: field('message', 'keyword'),
    },
  },
  yara: { category: 'malware', fields: { rule: field('rule.name', 'keyword') } },
}

/** `event.severity` of a finding: 0 to 100, as Elastic's own rules have it. */
export const severities: Readonly<Record<string, number>> = { info: 1, low: 21, medium: 47, high: 73, critical: 99 }
