/** The public plugin API: all that an analyzer, built in or a user's own, imports from 'salvor'. */
export {
  type Analyzer,
  type CommonContext,
  type Declaration,
  defineAnalyzer,
  type Example,
  type FileContext,
  type ImageContext,
  type RunContext,
  type Warning,
} from './api/analyzer.js'
export {
  address,
  bytes,
  type Column,
  type ColumnOptions,
  type Columns,
  type ColumnType,
  count,
  flag,
  integer,
  list,
  type Meaning,
  type Row,
  record,
  text,
  time,
  type Value,
} from './api/columns.js'
export { type Need, type Needs, need, type OptionalTable, optional } from './api/needs.js'
export { type Options, type OptionsRead, option } from './api/options.js'
export {
  type BytesScan,
  type FromOption,
  type Pattern,
  type Places,
  type Scan,
  type Scans,
  scan,
  type TaskScan,
} from './api/scans.js'
export { type EvidenceFile, type FileSource, file } from './api/source.js'
export { type Batch, Rows, Table } from './api/table.js'
export { isoTime } from './api/time.js'
export { type CgroupIdentity, parseCgroupPath } from './containers/cgroup-path.js'
export { cgroupMembers, containerFinder } from './containers/membership.js'
export { readCgroups, readMemberships } from './kernel/cgroups.js'
export { onlineCpus } from './kernel/cpus.js'
export type { ImageInfo, Kernel } from './kernel/kernel.js'
export * as read from './kernel/query.js'
export {
  heldByPid,
  idleTasks,
  type KnownBy,
  knownTasks,
  type TaskStatus,
  taskStatus,
  taskViews,
  type View,
} from './kernel/task-views.js'
export { isLeader, readTasks, type Task } from './kernel/tasks.js'
export { checkLinks, type LinkCheck } from './kernel/tear.js'
export { bootTime } from './kernel/time.js'
export { containerRows } from './tables/containers.js'
export { namespaceRows } from './tables/namespaces.js'
export {
  listedPlacedTasks,
  listedTasks,
  type PlacedTask,
  placedTasks,
  taskColumns,
  taskRows,
  threadColumns,
} from './tables/task.js'
