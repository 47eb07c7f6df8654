// Tables of processes, as /proc has them.
import { cell, setOf } from '../compare.mjs'
import { lines } from '../record.mjs'

/** Ticks in a second, in /proc. */
const USER_HZ = 100
const NO_LOGIN = 2 ** 32 - 1
const CAPABILITIES =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'.split(
    ' ',
  )

/** /proc gives a kernel thread's whole name, and a worker's with what it works on; the task holds 15 characters. */
export const commOf = ({ kernel, comm }) =>
  kernel ? cell(comm, (got) => typeof got === 'string' && got.length > 0 && comm.startsWith(got)) : comm

/** Workers of the kernel come and go by themselves. */
export const isWorker = ({ kernel_thread, comm }) =>
  kernel_thread === true && String(comm?.why ?? comm).startsWith('kworker/')

/** Who a row's process is. */
export const who = (task) => ({ pid: task.pid, comm: commOf(task), container: task.container })

/** Rows of processes that were recorded; the recorder itself has ended since. */
export const ofRecorded = (record) => (row) => !record.recorders.includes(row.pid) && row.pid !== null

function taskRow(task, boot) {
  const [uid, euid] = task.ids('Uid')
  const [gid, egid] = task.ids('Gid')
  // Of one that has ended the kernel keeps these two, and /proc shows them.
  const spaces = ['pid', 'mnt', 'net', 'uts', 'ipc', 'user', 'cgroup', 'time'].map((kind) => [
    `${kind}_ns`,
    task.spaces[kind],
  ])
  const paths = task.cgroups.map(([, , path]) => path)
  return {
    ...who(task),
    ppid: Number(task.status.PPid),
    state: task.kernel || task.pid === 1 ? cell('a state', (got) => /^[RSDI]$/.test(got)) : task.state,
    ...{ uid, euid, gid, egid },
    kernel_thread: task.kernel,
    pid_in_ns: task.ids('NSpid').at(-1),
    ...Object.fromEntries(task.ended ? [] : spaces),
    cgroup: cell(paths.join(' or '), (got) => paths.includes(got)),
    // In ticks of 10 ms since boot.
    started: cell(
      `${task.start} ticks after boot`,
      (got) => Math.abs((Date.parse(got) - boot) / 1000 - task.start / USER_HZ) < 0.012,
    ),
  }
}

const workersMayGo = { maybe: isWorker, ours: (row) => !isWorker(row) }

function processes(record, { boot }) {
  const rows = record.processes.map((task) => {
    const words = task.strings('cmdline')
    return { ...taskRow(task, boot), threads: Number(task.status.Threads), args: words, exe: task.text('exe') }
  })
  return { key: ['pid'], rows, ...workersMayGo }
}

function threads(record, { boot }) {
  const rows = record.threads.map((task) => ({ tid: task.id, ...taskRow(task, boot) }))
  return { key: ['tid'], rows, ...workersMayGo }
}

function namespaces(record) {
  const found = new Map()
  for (const thread of record.threads) {
    for (const [type, inode] of Object.entries(thread.spaces)) {
      if (inode !== null) found.set(`${type} ${inode}`, { type, inode })
    }
  }
  return { key: ['type', 'inode'], rows: [...found.values()] }
}

/** Hierarchies by where they are mounted: `unified`, or what a mount of version 1 is of. */
function hierarchies(record) {
  const found = new Map()
  for (const line of lines(record.text('1/mountinfo'))) {
    const [left, right] = line.split(' - ')
    const [type, , options] = right.split(' ')
    const target = left.split(' ')[4]
    if (type === 'cgroup2') found.set(target, { name: 'unified', matches: ([id]) => id === '0' })
    if (type !== 'cgroup') continue
    const words = options.split(',')
    const own = record.processes[0].cgroups.find(
      ([id, of]) => id !== '0' && of.split(',').every((word) => words.includes(word)),
    )
    found.set(target, { name: own[1], matches: ([id]) => id === own[0] })
  }
  return found
}

function cgroups(record) {
  const mounted = hierarchies(record)
  const rows = []
  for (const folder of record.each('cgroup-folder')) {
    const [target, hierarchy] = [...mounted].filter(([at]) => `${folder}/`.startsWith(`${at}/`)).at(-1) ?? []
    if (target === undefined) continue
    const path = folder.slice(target.length) || '/'
    const inside = (task) => task.cgroups.some((line) => hierarchy.matches(line) && line[2] === path)
    const members = record.processes.filter(inside)
    const [most, least] = [members.length, members.filter((task) => !isWorker(taskKind(task)) && !task.ended).length]
    rows.push({
      hierarchy: hierarchy.name,
      path,
      processes: cell(`${least} to ${most}`, (got) => got >= least && got <= most + 3),
    })
  }
  const names = new Set(rows.map(({ hierarchy }) => hierarchy))
  return { key: ['hierarchy', 'path'], rows, ours: ({ hierarchy }) => names.has(hierarchy) }
}

const taskKind = ({ kernel, comm }) => ({ kernel_thread: kernel, comm })

function containers(record) {
  const found = new Map()
  for (const task of record.processes) {
    if (task.container !== null) found.set(task.container, [...(found.get(task.container) ?? []), task])
  }
  const rows = [...found].map(([id, tasks]) => ({
    id,
    processes: tasks.length,
    init_pid: tasks.find((task) => task.ids('NSpid').at(-1) === 1)?.pid ?? null,
  }))
  return { key: ['id'], rows }
}

function credentials(record) {
  const names = (mask) => {
    const bits = BigInt(`0x${mask}`)
    return setOf(CAPABILITIES.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n).map((name) => `CAP_${name}`))
  }
  const rows = record.processes.map((task) => {
    const { status } = task
    const [uid, euid, suid, fsuid] = task.ids('Uid')
    const [gid, egid, sgid, fsgid] = task.ids('Gid')
    const login = Number(task.text('loginuid') ?? NO_LOGIN)
    return {
      ...who(task),
      ...{ uid, euid, suid, fsuid, gid, egid, sgid, fsgid },
      groups: setOf(task.ids('Groups').map(String)),
      cap_inheritable: names(status.CapInh),
      cap_permitted: names(status.CapPrm),
      cap_effective: names(status.CapEff),
      cap_bounding: names(status.CapBnd),
      cap_ambient: names(status.CapAmb),
      no_new_privs: status.NoNewPrivs === '1',
      seccomp: ['disabled', 'strict', 'filter'][Number(status.Seccomp)],
      login_uid: login === NO_LOGIN ? null : login,
    }
  })
  const kernel = new Set(record.processes.filter(({ kernel }) => kernel).map(({ pid }) => pid))
  const isNew = ({ comm }) => String(comm).startsWith('kworker/')
  return { key: ['pid'], rows, maybe: ({ pid }) => kernel.has(pid), ours: (row) => !isNew(row) }
}

function environment(record) {
  const rows = record.processes.flatMap((task) =>
    task
      .strings('environ')
      .filter((text) => text.indexOf('=') > 0)
      .map((text) => ({
        ...who(task),
        name: text.slice(0, text.indexOf('=')),
        value: text.slice(text.indexOf('=') + 1),
      })),
  )
  return { key: ['pid', 'name', 'value'], rows }
}

function workingDirectories(record) {
  const rows = record.processes.map((task) => ({
    ...who(task),
    path: task.ended ? null : task.container === null ? task.text('cwd') : cell('a path', (got) => got !== null),
  }))
  return { key: ['pid'], rows, maybe: isKernel(record), ours: ({ comm }) => !String(comm).startsWith('kworker/') }
}

const isKernel = (record) => {
  const kernel = new Set(record.processes.filter(({ kernel }) => kernel).map(({ pid }) => pid))
  return ({ pid }) => kernel.has(pid)
}

function ptrace(record) {
  const rows = record.threads
    .filter(({ status }) => Number(status.TracerPid) > 0)
    .map((task) => ({
      ...who(task),
      tid: task.id,
      tracer_pid: Number(task.status.TracerPid),
      state: task.state,
      seized: true,
    }))
  return { key: ['tid'], rows }
}

function kernelThreads(record, { boot }) {
  const rows = record.processes
    .filter(({ kernel }) => kernel)
    .map((task) => {
      const { pid, comm, started } = taskRow(task, boot)
      return { pid, comm, started }
    })
  const isNew = ({ comm }) => String(comm?.why ?? comm).startsWith('kworker/')
  return { key: ['pid'], rows, maybe: isNew, ours: (row) => !isNew(row) }
}

/** What a line of /proc/PID/stack says: a function with the distance from its start, and the module that it is of. */
const FRAME = /^\[<0+>\] (\S+)\/0x[0-9a-f]+(?: \[(.+)\])?$/

/** Of threads that sleep for good: the first process goes on with its script, and the kernel's own wait now here, now there. */
function kernelStacks(record) {
  const still = record.threads.filter(({ pid, kernel, ended }) => pid !== 1 && !kernel && !ended)
  const rows = still.flatMap((task) =>
    lines(task.text('stack') ?? '').flatMap((line, frame) => {
      const [, symbol, module = 'kernel'] = FRAME.exec(line) ?? []
      return symbol === undefined ? [] : [{ tid: task.id, frame, symbol, module }]
    }),
  )
  const known = new Set(rows.map(({ tid }) => tid))
  return { key: ['tid', 'frame'], rows, ours: ({ tid }) => known.has(tid) }
}

export const PROCESSES = {
  processes,
  threads,
  'process-tree': processes,
  namespaces,
  cgroups,
  containers,
  credentials,
  environment,
  'working-directories': workingDirectories,
  ptrace,
  'kernel-threads': kernelThreads,
  'kernel-stacks': kernelStacks,
}
