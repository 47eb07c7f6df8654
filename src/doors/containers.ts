/** The door `salvor/containers`: containers, pods, and the tables that place everything else in them. */
export { capabilityNames } from '../containers/capabilities.js'
export { type CgroupIdentity, parseCgroupPath } from '../containers/cgroup-path.js'
export { driftOf } from '../containers/drift/drift.js'
export { ownLimits } from '../containers/drift/limits.js'
export type { Difference, DriftEvidence, DriftFilter, DriftProcess } from '../containers/drift/types.js'
export { knownFlaws } from '../containers/exposure/flaws.js'
export { isOwn } from '../containers/exposure/node-places.js'
export { exposedSettings } from '../containers/exposure/settings.js'
export type { ExposedContainer, ExposedMount } from '../containers/exposure/types.js'
export { versionsOf } from '../containers/exposure/versions.js'
export { WAYS } from '../containers/exposure/ways.js'
export { parseJwt, serviceAccountOf } from '../containers/jwt.js'
export { type LogLine, logOf, parseLogLine } from '../containers/log-lines.js'
export { cgroupMembers, containerFinder } from '../containers/membership.js'
export { type JoinRow, joinEvidence } from '../evidence/join.js'
export { type Branch, branchesOf, type Entered, type Entrances } from '../tables/branches.js'
export { type Checkpoint, checkpointWriter } from '../tables/checkpoint.js'
export { settingsRows } from '../tables/container-settings.js'
export { containerDeclarations, containerRows, findContainers } from '../tables/containers.js'
export { type FileRow, fileRows, mergedFiles, mountPoints, pathsShown } from '../tables/files.js'
export { type HolderRow, holderColumns, holderRow } from '../tables/holders.js'
export { hostFiles } from '../tables/host-files.js'
export { kubernetesRows } from '../tables/kubernetes.js'
export {
  containerColumns,
  containerNames,
  ipcOwners,
  type Member,
  memberColumns,
  mountOwners,
  netOwners,
  type Owner,
  ownerColumns,
  ownerOf,
  readAskedMembers,
  readMembers,
} from '../tables/members.js'
export {
  type FilePayment,
  filePayments,
  type MemoryShare,
  memoryGroups,
  memoryShares,
  type PaidGroup,
  type RemovedGroup,
  removedGroups,
} from '../tables/memory-groups.js'
export { type ComparedProgram, comparedPrograms } from '../tables/memory-programs.js'
export { namespaceRows } from '../tables/namespaces.js'
export { addressHolders, netColumns, netPlaces } from '../tables/net.js'
export { readBuilt, readKubeletSettings } from '../tables/node-settings.js'
export {
  describePages,
  membersByMemory,
  type PageOwner,
  type PaidBy,
  pageColumns,
  payerColumns,
} from '../tables/pages.js'
export { type Asked, placesOf } from '../tables/places.js'
export { podRows } from '../tables/pods.js'
export { processTree, type TreeNode } from '../tables/process-tree.js'
export type { SearchScope } from '../tables/scopes.js'
export { type SearchHit, type SearchLimits, searchHits } from '../tables/search.js'
export { secretRows } from '../tables/secrets.js'
export { type SocketRow, socketRows } from '../tables/sockets.js'
export {
  listedPlacedTasks,
  listedTasks,
  type PlacedTask,
  placedTasks,
  taskColumns,
  taskRows,
  threadColumns,
} from '../tables/task.js'
export { type YaraHit, yaraHits } from '../tables/yara.js'
