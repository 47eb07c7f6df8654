/** The door `salvor/kernel`: what is read of the kernel, object by object and subsystem by subsystem. */

export { bytesText, hexText } from '../bytes-text.js'
export { dumpElf } from '../cores/elf-dump.js'
export { writeModule } from '../cores/module-elf.js'
export { type CoreSource, readCoreSources } from '../cores/process-core.js'
export { xtRules } from '../firewall/legacy-rules.js'
export { type Published, publishedBy } from '../firewall/published.js'
export { type FirewallRule, nftRules, nftWays, readNftRuleset, type Way } from '../firewall/rules.js'
export { type FirewallSet, readFirewallSets } from '../firewall/sets.js'
export { type AuditRecord, readAuditBacklog } from '../kernel/audit.js'
export { type BlockDevice, readBlockDevices } from '../kernel/block-devices.js'
export { type Attachment, readAttachments } from '../kernel/bpf/attachments.js'
export { type MapEntry, readMapEntries } from '../kernel/bpf/entries.js'
export { type Held, type Holder, type Holders, readHolders } from '../kernel/bpf/holders.js'
export { type ProgramInstruction, readHelpers, readInstructions } from '../kernel/bpf/instructions.js'
export { type Link, readLinks } from '../kernel/bpf/links.js'
export { type BpfMap, readMaps } from '../kernel/bpf/maps.js'
export { type NetworkProgram, readNetworkPrograms } from '../kernel/bpf/network-programs.js'
export { type Pin, readPins } from '../kernel/bpf/pins.js'
export { type Program, type ProgramView, readPrograms } from '../kernel/bpf/programs.js'
export { type CgroupLimits, readCgroupLimits } from '../kernel/cgroup-limits.js'
export { readCgroups, readMemberships } from '../kernel/cgroups.js'
export { type Connection, readConnections, type Traffic, type Tuple } from '../kernel/conntrack.js'
export { onlineCpus } from '../kernel/cpus.js'
export { type Credentials, readCredentials } from '../kernel/credentials.js'
export { type Descriptor, type OpenFile, readDescriptors, readOpenFiles } from '../kernel/descriptors.js'
export { type DeviceRules, readDeviceRules } from '../kernel/device-rules.js'
export { disassemble } from '../kernel/disassembly.js'
export { type Encrypted, readEncrypted } from '../kernel/dm-crypt.js'
export { type DynamicEvent, readDynamicEvents } from '../kernel/dynamic-events.js'
export { type ElfFile, readElfFiles } from '../kernel/elf-files.js'
export { type DeadPid, type Ending, readDeadPids, readEndings } from '../kernel/exited.js'
export type {
  FileContents,
  FilePiece,
  FileRun,
  FileSummary,
  Missing,
  PageState,
  Sink,
} from '../kernel/file-contents.js'
export { type FileLock, readFileLocks } from '../kernel/file-locks.js'
export { readKernelHooks } from '../kernel/hooks/all.js'
export type { KernelHook } from '../kernel/hooks/pointer.js'
export { type ImportHook, readImportHooks } from '../kernel/import-hooks.js'
export { type Injected, type Reason as InjectedReason, readInjectedMemory } from '../kernel/injected-memory.js'
export { heldInodes } from '../kernel/inodes.js'
export { type NetDevice, readNetDevices } from '../kernel/interfaces.js'
export { type Ring, readRings } from '../kernel/io-uring.js'
export { type IpcObject, readIpcObjects } from '../kernel/ipc.js'
export { type IpvsDestination, readIpvs } from '../kernel/ipvs.js'
export type { ImageInfo, Kernel, Place } from '../kernel/kernel.js'
export { readKernelStacks, type StackFrame } from '../kernel/kernel-stacks.js'
export { type KernelThread, readKernelThreads } from '../kernel/kernel-threads.js'
export { type Library, readLibraries } from '../kernel/libraries.js'
export { type Mapping, readMappings, readSealed } from '../kernel/mappings.js'
export { type Copied, copyMemory, mostMemory } from '../kernel/memory-copy.js'
export {
  type ModuleSection,
  type ModuleSymbol,
  readModuleSections,
  readModuleSymbols,
} from '../kernel/module-sections.js'
export { type Module, type ModuleView, type PlacedModule, readModules, readPlacedModules } from '../kernel/modules.js'
export { type MountRow, readMountTable } from '../kernel/mount-table.js'
export { type Neighbour, readNeighbours } from '../kernel/neighbours.js'
export { ipv4Text, ipv6Text, macText } from '../kernel/net-addresses.js'
export { type Hook, readHooks } from '../kernel/netfilter.js'
export { type PerfEvent, readPerfEvents } from '../kernel/perf-events.js'
export { knownPerfEvents, type PerfView } from '../kernel/perf-views.js'
export { type PipeQueue, readPipeQueues } from '../kernel/pipe-queues.js'
export { placeText } from '../kernel/places.js'
export { type LogRecord, readLog } from '../kernel/printk.js'
export { readTracees, type Tracee } from '../kernel/ptrace.js'
export * as read from '../kernel/query.js'
export { type Route, readRoutes } from '../kernel/routes.js'
export {
  readSeccompChains,
  readSeccompTasks,
  readSeccompTrials,
  type SeccompChain,
  type SeccompTask,
  type SeccompTrial,
  type Verdict,
} from '../kernel/seccomp.js'
export { readSignals, type Signal } from '../kernel/signals.js'
export { type Queue, readSocketQueues } from '../kernel/socket-queues.js'
export {
  heldByPid,
  idleTasks,
  type KnownBy,
  knownTasks,
  type TaskStatus,
  taskStatus,
  taskViews,
  type View,
} from '../kernel/task-views.js'
export { isLeader, readTasks, type Task } from '../kernel/tasks.js'
export { checkLinks, type LinkCheck } from '../kernel/tear.js'
export { bootTime, imageTime } from '../kernel/time.js'
export { readTimers, type Timer } from '../kernel/timers.js'
export { type BufferedEvent, readTraceBuffers } from '../kernel/trace-buffers.js'
export { readTunnelHolders, TUN, type TunnelHolder } from '../kernel/tunnels.js'
export { readUprobes, type Uprobe } from '../kernel/uprobes.js'
export {
  type Lacking,
  type MemoryPiece,
  type Place as FoundPlace,
  ProcessMemory,
  type Progress,
  type Range,
  type Stretch,
} from '../kernel/user-memory.js'
export { mappingFinder, readCommandLines, readUserRegisters, type UserRegisters } from '../kernel/user-registers.js'
export { readWatches, type Watch } from '../kernel/watches.js'
export { readWorkingDirectories, type WorkingDirectory } from '../kernel/working-directories.js'
export { readShellHashes, readShellHistories, type ShellHash, type ShellHistory } from '../programs/histories.js'
export { readSshKeys, type SshKey } from '../programs/ssh-keys.js'

// The kernel as a whole: what it is made of, how it is set, what it keeps and shows.

export { type ConsoleScreen, readConsoles } from '../kernel/consoles.js'
export { type Framebuffer, type Picture, pictureOf, readFramebuffers, whyNoPicture } from '../kernel/framebuffers.js'
export { readAddressSets } from '../kernel/ipset.js'
export { readTicks, secondsTo } from '../kernel/jiffies.js'
export { type Fact, readFacts } from '../kernel/kernel-facts.js'
export { type Key, readKeys } from '../kernel/keys.js'
export { type ProgramFormat, readProgramFormats } from '../kernel/program-formats.js'
export { type Resource, readResources } from '../kernel/resources.js'
export { readSlabs, type SlabCache } from '../kernel/slabs.js'
export { listSymbols, type SymbolList } from '../kernel/symbol-list.js'
export { readSettings, type Setting } from '../kernel/sysctl.js'
export { readTerminals, sessionsBehind, type Terminal } from '../kernel/terminals.js'
