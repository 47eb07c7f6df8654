/** Each kind of drift on a container that is as it was declared but for that. */

import { expect, test } from 'vitest'
import { driftOf } from '../../src/containers/drift/drift.js'
import { ownLimits } from '../../src/containers/drift/limits.js'
import type { DriftEvidence, DriftFilter, DriftMount, DriftProcess } from '../../src/containers/drift/types.js'
import { type OciConfig, readOciConfig } from '../../src/containers/oci-config.js'
import { readSeccompProfile } from '../../src/containers/seccomp-profile.js'
import { deviceProgram } from '../../src/kernel/bpf/device-program.js'
import { DeviceAccess, declaredAccess, EVERY_DEVICE, listedAccess } from '../../src/kernel/device-access.js'
import type { Verdict } from '../../src/kernel/seccomp.js'

const host = { mnt: 1, pid: 2, net: 3, uts: 4, ipc: 5, user: 6, cgroup: 7, time: 8 }
const own = { ...host, mnt: 101, pid: 102, net: 103, uts: 104, ipc: 105, cgroup: 107 }

const DEVICES = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
]
const exactly = { access: declaredAccess(readRules(DEVICES)), reason: null }

/** Rules as a declaration has them. */
function readRules(devices: readonly object[]) {
  const parsed = readOciConfig({ ociVersion: '1.0.2', linux: { resources: { devices } } })
  return parsed.value?.devices ?? []
}

function spec(of: Partial<OciConfig> = {}): OciConfig {
  const parsed = readOciConfig({
    ociVersion: '1.0.2',
    root: { readonly: true },
    process: {
      args: ['/usr/sbin/nginx', '-g', 'daemon off;'],
      user: { uid: 1000 },
      capabilities: { bounding: ['CAP_CHOWN', 'CAP_KILL'] },
      apparmorProfile: 'docker-default',
      noNewPrivileges: true,
    },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/etc/hosts', type: 'bind', source: '/x/hosts', options: ['rbind', 'ro'] },
      { destination: '/lib/modules', type: 'bind', source: '/lib/modules', options: ['rbind', 'ro'] },
    ],
    linux: {
      seccomp: { defaultAction: 'SCMP_ACT_ERRNO' },
      maskedPaths: ['/proc/kcore', '/proc/scsi'],
      readonlyPaths: ['/proc/sys'],
      namespaces: ['mount', 'pid', 'network', 'uts', 'ipc'].map((type) => ({ type })),
      resources: {
        memory: { limit: 4096 },
        pids: { limit: 10 },
        devices: DEVICES,
      },
    },
  })
  if (parsed.value === null) throw new Error(parsed.problem)
  return { ...parsed.value, ...of }
}

function nginx(of: Partial<DriftProcess> = {}): DriftProcess {
  return {
    pid: 50,
    comm: 'nginx',
    args: ['nginx: master process /usr/sbin/nginx -g daemon off;'],
    exe: '/usr/sbin/nginx',
    namespaces: own,
    uid: 1000,
    uid_map: ['0 0 4294967295'],
    cap_permitted: [],
    cap_bounding: ['CAP_CHOWN', 'CAP_KILL'],
    seccomp: 'filter',
    no_new_privs: true,
    label: 'docker-default (enforce)',
    ...of,
  }
}

function mount(target: string, type: string, options: string, root = '/'): DriftMount {
  return { target, root, type, source: type, options }
}

const mounts = [
  mount('/', 'rootfs', 'rw'),
  mount('/', 'overlay', 'ro,relatime'),
  mount('/proc', 'proc', 'rw'),
  mount('/proc/sys', 'proc', 'ro', '/sys'),
  mount('/proc/kcore', 'tmpfs', 'rw', '/null'),
  mount('/etc/hosts', 'ext4', 'ro', '/x/hosts'),
  mount('/usr/lib/modules', 'ext4', 'ro', '/usr/lib/modules'),
]

function evidence(of: Partial<DriftEvidence> = {}): DriftEvidence {
  const init = of.init === undefined ? nginx() : of.init
  return {
    spec: spec(),
    init,
    processes: init === null ? [] : [init],
    host,
    others: () => undefined,
    mounts,
    files: [{ path: '/usr/sbin/nginx', layer: 'lower', type: 'file', mode: '-rwxr-xr-x', size: 9, deleted: false }],
    limits: { memory_limit: 4096, pids_limit: 10 },
    devices: exactly,
    filters: [],
    exists: (path) => (path === '/proc/kcore' || path === '/proc/sys' ? true : null),
    ...of,
  }
}

const told = (of: Partial<DriftEvidence>) =>
  driftOf(evidence(of)).map(({ aspect, name, actual, weaker }) => [aspect, name, actual, weaker])
const changed = (of: Partial<DriftProcess>) => told({ init: nginx(of) })

test('a container that is as it was declared has none', () => {
  expect(told({})).toEqual([])
})

test('capabilities that were not given, but not those of a user namespace of its own', () => {
  expect(changed({ cap_permitted: ['CAP_SYS_ADMIN', 'CAP_KILL'] })).toEqual([
    ['capabilities', 'CAP_SYS_ADMIN', 'held', true],
  ])
  const other = nginx({ pid: 51, cap_permitted: ['CAP_SYS_ADMIN'], namespaces: { ...own, user: 99 } })
  expect(told({ processes: [nginx(), other] })).toEqual([])
})

test.each<[string, Partial<DriftProcess>, unknown[]]>([
  ['seccomp switched off', { seccomp: 'disabled' }, ['seccomp', null, 'disabled', true]],
  ['privileges that may be gained', { no_new_privs: false }, ['no-new-privileges', null, 'not set', true]],
  ['an unconfined label', { label: 'unconfined' }, ['lsm', null, 'unconfined', true]],
  [
    'a profile that only complains',
    { label: 'docker-default (complain)' },
    ['lsm', null, 'docker-default (complain)', true],
  ],
  ['root, where another was declared', { uid: 0 }, ['user', null, '0', true]],
  ['another program', { args: ['/tmp/x'] }, ['command', null, '/tmp/x', null]],
  ["the host's mounts", { namespaces: { ...own, mnt: host.mnt } }, ['namespace', 'mnt', "the host's", true]],
  [
    'a program in memory',
    { exe: '/memfd:x (deleted)' },
    ['executable', '/memfd:x (deleted)', 'a file in memory alone', null],
  ],
])('%s', (_, of, difference) => {
  expect(changed(of)).toContainEqual(difference)
})

test('a namespace that was to be joined is no difference, and one that nobody declared is', () => {
  const joins = spec({ namespaces: [{ type: 'network', path: '/proc/9/ns/net' }] })
  const others = (pid: number) => (pid === 9 ? { ...own, net: 33 } : undefined)
  expect(told({ spec: joins, others, init: nginx({ namespaces: { ...own, net: 33 } }) })).toEqual([])
  expect(told({ spec: joins, others, init: nginx({ namespaces: { ...own, net: 34 } }) })).toEqual([
    ['namespace', 'net', 'another', null],
  ])
})

test.each<[string, DriftMount[], unknown[]]>([
  [
    'a path that is not masked',
    mounts.filter(({ target }) => target !== '/proc/kcore'),
    ['masked-path', '/proc/kcore', 'not masked', true],
  ],
  [
    'a mask that is none (CVE-2025-31133)',
    mounts.map((each) => (each.target === '/proc/kcore' ? { ...each, type: 'proc', root: '/sysrq-trigger' } : each)),
    ['masked-path', '/proc/kcore', 'covered by proc /sysrq-trigger', true],
  ],
  [
    'a read-only path that is writable',
    mounts.map((each) => (each.target === '/proc/sys' ? { ...each, options: 'rw' } : each)),
    ['read-only-path', '/proc/sys', 'writable', true],
  ],
  [
    'a root that is writable',
    mounts.map((each) => (each.type === 'overlay' ? { ...each, options: 'rw' } : each)),
    ['read-only-root', '/', 'writable', true],
  ],
  [
    'a mount that is writable',
    mounts.map((each) => (each.target === '/etc/hosts' ? { ...each, options: 'rw' } : each)),
    ['mount', '/etc/hosts', 'writable', true],
  ],
  ['a mount that nobody declared', [...mounts, mount('/host', 'ext4', 'rw')], ['mount', '/host', 'ext4 ext4 /', null]],
])('%s', (_, changedMounts, difference) => {
  expect(told({ mounts: changedMounts })).toEqual([difference])
})

test('a writable hierarchy of cgroup v1, but not the tmpfs that they lie in', () => {
  const declared = { target: '/sys/fs/cgroup', source: 'cgroup', type: 'cgroup', options: ['ro', 'nosuid'] }
  const own = spec({ mounts: [...spec().mounts, declared] })
  const of = (memory: string) => [
    ...mounts,
    mount('/sys/fs/cgroup', 'tmpfs', 'rw,mode=755'),
    mount('/sys/fs/cgroup/pids', 'cgroup', 'ro,pids', '/docker/x'),
    mount('/sys/fs/cgroup/memory', 'cgroup', `${memory},memory`, '/docker/x'),
  ]
  expect(told({ spec: own, mounts: of('ro') })).toEqual([])
  expect(told({ spec: own, mounts: of('rw') })).toEqual([['mount', '/sys/fs/cgroup', 'writable', true]])
  const unified = [...mounts, mount('/sys/fs/cgroup', 'cgroup2', 'rw')]
  expect(told({ spec: own, mounts: unified })).toEqual([['mount', '/sys/fs/cgroup', 'writable', true]])
})

test('limits of a container are those of its own cgroup, in whichever hierarchy', () => {
  const none = { memory_limit: null, pids_limit: null }
  const of = (path: string, limits: object = {}) => ({ path, ...none, ...limits })
  const hierarchies = [of('/docker/x'), of('/docker/x', { memory_limit: 4096 }), of('/docker/x', { pids_limit: 10n })]
  expect(ownLimits(hierarchies)).toEqual({ memory_limit: 4096, pids_limit: 10n })
  expect(ownLimits([of('/docker/x'), of('/docker/x/inner', { memory_limit: 1 })])).toEqual(none)
  expect(ownLimits([])).toBeNull()
})

test('limits that are not there, and devices that nobody decides about', () => {
  expect(told({ limits: { memory_limit: null, pids_limit: 10 } })).toEqual([['limit', 'memory', 'none', true]])
  expect(told({ limits: { memory_limit: 4096, pids_limit: 5 } })).toEqual([['limit', 'pids', '5', false]])
  expect(told({ devices: 'none' })).toEqual([['devices', null, 'no program decides: every device', true]])
  expect(told({ devices: null })).toEqual([])
})

test('devices that are allowed beyond what was declared and what runtimes add, and fewer', () => {
  const allowed = (...more: object[]) => ({ access: declaredAccess(readRules([...DEVICES, ...more])), reason: null })
  const disk = { allow: true, type: 'b', major: 8, access: 'rw' }
  expect(told({ devices: allowed(disk) })).toEqual([['devices', 'b 8:* rw', 'allowed', true]])
  expect(told({ devices: allowed({ allow: true, type: 'c', major: 136, access: 'rwm' }) })).toEqual([])
  expect(told({ devices: allowed({ allow: false, type: 'c', major: 1, minor: 3, access: 'w' }) })).toEqual([
    ['devices', 'c 1:3 w', 'not allowed', false],
  ])
  expect(told({ devices: { access: EVERY_DEVICE, reason: null } })).toEqual([
    ['devices', expect.stringContaining('b *:* rw'), 'allowed', true],
  ])
  expect(told({ devices: { access: null, reason: 'a call at 3' } })).toEqual([
    ['devices', null, 'not told: a call at 3', null],
  ])
})

test('devices that a list of v1 lets it use, each exception as the kernel keeps it', () => {
  const listed = (allowsOthers: boolean, ...rules: object[]) =>
    told({ devices: { access: listedAccess(allowsOthers, readRules(rules)), reason: null } })
  const zero = { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' }
  expect(listed(false, zero)).toEqual([])
  expect(listed(false, zero, { allow: true, type: 'b', major: 8, minor: 1, access: 'rw' })).toEqual([
    ['devices', 'b 8:1 rw', 'allowed', true],
  ])
  expect(listed(false, { ...zero, access: 'r' })).toEqual([['devices', 'c 1:3 wm', 'not allowed', false]])
  // "a *:* rwm" was written to devices.allow: all that is left of the list are exceptions that forbid.
  expect(listed(true)).toEqual([['devices', expect.stringMatching(/^b \*:\* rw/), 'allowed', true]])
})

/** Instructions of a program of v2: code, registers, offset, number. */
function programOf(...instructions: [number, number, number, number][]): DeviceAccess {
  const bytes = Buffer.alloc(instructions.length * 8)
  instructions.forEach(([code, registers, offset, immediate], at) => {
    bytes.writeUInt8(code, at * 8)
    bytes.writeUInt8(registers, at * 8 + 1)
    bytes.writeInt16LE(offset, at * 8 + 2)
    bytes.writeInt32LE(immediate, at * 8 + 4)
  })
  const access = deviceProgram(bytes)
  if (!(access instanceof DeviceAccess)) throw new Error(access.reason)
  return access
}

test('devices that a program of v2 lets it use, by what its instructions do', () => {
  const [LOAD, AND, IF_NOT, MOVE, EXIT] = [0x61, 0x54, 0x55, 0xb4, 0x95]
  /** It is for one device, of which type and numbers are tested, and all that may be done with it. */
  const allows = (type: number, major: number, minor: number) =>
    programOf(
      [LOAD, 0x12, 0, 0],
      [AND, 0x02, 0, 0xffff],
      [LOAD, 0x14, 4, 0],
      [LOAD, 0x15, 8, 0],
      [IF_NOT, 0x02, 4, type],
      [IF_NOT, 0x04, 3, major],
      [IF_NOT, 0x05, 2, minor],
      [MOVE, 0x00, 0, 1],
      [EXIT, 0, 0, 0],
      [MOVE, 0x00, 0, 0],
      [EXIT, 0, 0, 0],
    )
  expect(told({ devices: { access: allows(2, 1, 3), reason: null } })).toEqual([])
  expect(told({ devices: { access: allows(1, 8, 1), reason: null } })).toEqual([
    ['devices', 'b 8:1 rw', 'allowed', true],
    ['devices', 'c 1:3 rwm', 'not allowed', false],
  ])
  const [everything, nothing] = [1, 0].map((value) => programOf([MOVE, 0x00, 0, value], [EXIT, 0, 0, 0]))
  expect(told({ devices: { access: everything ?? null, reason: null } })).toEqual([
    ['devices', expect.stringContaining('b *:* rw'), 'allowed', true],
  ])
  expect(told({ devices: { access: nothing ?? null, reason: null } })).toEqual([
    ['devices', 'c 1:3 rwm', 'not allowed', false],
  ])
})

const profile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [
    { names: ['read', 'clone'], action: 'SCMP_ACT_ALLOW' },
    { names: ['personality', 'clone'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 8, op: 'SCMP_CMP_EQ' }] },
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
  ],
}
const filtered = spec({ seccomp_profile: readSeccompProfile(profile) })
const declared: [string, Verdict][] = [
  ['read', 'allowed'],
  ['clone', 'allowed'],
  ['personality', 'conditional'],
  ['clone3', 'denied'],
  ['mount', 'denied'],
]

function filter(of: Partial<DriftFilter> = {}, ...changed: [string, Verdict][]): DriftFilter {
  const verdicts = new Map([...declared, ...changed])
  return {
    pids: new Set([50]),
    chain: ['0x1'],
    verdicts,
    reason: null,
    bypassed: [],
    changed: false,
    trial: null,
    ...of,
  }
}

test.each<[string, DriftFilter[], unknown[]]>([
  ['a filter that is as it was declared', [filter()], []],
  [
    'calls that it lets through',
    [filter({}, ['mount', 'allowed'], ['clone3', 'conditional'])],
    [
      ['seccomp', 'clone3', 'conditional', true],
      ['seccomp', 'mount', 'allowed', true],
    ],
  ],
  ['calls that it does not', [filter({}, ['read', 'denied'])], [['seccomp', 'read', 'denied', false]]],
  [
    'one that is not told',
    [filter({ verdicts: null, reason: 'it goes back' })],
    [['seccomp', 'filter', 'not told: it goes back', null]],
  ],
  [
    'calls that the kernel remembers as allowed',
    [filter({ bypassed: ['mount'] })],
    [['seccomp', 'mount', 'the kernel lets them pass the filter', true]],
  ],
  [
    'a translation that was changed',
    [filter({ changed: true })],
    [['seccomp', 'filter', 'the kernel runs something else', null]],
  ],
  [
    'one more that a process has put upon it',
    [filter(), filter({ pids: new Set([51]), chain: ['0x2', '0x1'] }, ['read', 'denied'])],
    [],
  ],
  [
    'another that a process of its own has',
    [filter(), filter({ pids: new Set([51]), chain: ['0x3'] }, ['mount', 'allowed'])],
    [['seccomp', 'mount', 'allowed', true]],
  ],
])('%s', (_, filters, differences) => {
  const both = [nginx(), nginx({ pid: 51 })]
  expect(told({ spec: filtered, processes: both, filters }).sort()).toEqual(differences)
})

test('a call that depends on other arguments than were declared is shown with those that tell', () => {
  const verdicts = (_: string, calls: readonly (readonly bigint[])[]) =>
    calls.map(([first]) => (first === 8n || first === 9n ? ('allowed' as const) : ('denied' as const)))
  const trial = { compared: new Map(), verdicts }
  expect(told({ spec: filtered, filters: [filter({ trial })] })).toEqual([
    ['seccomp', 'personality(0x9, 0x0, 0x0, 0x0, 0x0, 0x0)', 'allowed', true],
  ])
  // Where the filter lets it pass whatever its arguments are, one row says so.
  expect(told({ spec: filtered, filters: [filter({ trial }, ['personality', 'allowed'])] })).toEqual([
    ['seccomp', 'personality', 'allowed', true],
  ])
  expect(told({ spec: filtered, filters: [filter({ trial: { ...trial, verdicts: () => null } })] })).toEqual([])
})

test('without a declared profile no filter is compared', () => {
  expect(told({ spec: spec({ seccomp_profile: null }), filters: [filter({}, ['mount', 'allowed'])] })).toEqual([])
})

test('programs on another mount, and programs that were made or changed', () => {
  const shm = [...mounts, mount('/dev/shm', 'tmpfs', 'rw')]
  const declared = spec({
    mounts: [...spec().mounts, { source: 'shm', target: '/dev/shm', type: 'tmpfs', options: [] }],
  })
  expect(told({ spec: declared, mounts: shm, init: nginx({ exe: '/dev/shm/x', args: ['nginx'] }) })).toEqual([
    ['executable', '/dev/shm/x', 'on /dev/shm, tmpfs', null],
  ])
  const file = { path: '/tmp/x', layer: 'upper', type: 'file', mode: '-rwxr-xr-x', size: 9, deleted: false }
  expect(told({ files: [file, { ...file, mode: '-rw-r--r--' }, { ...file, size: 0 }] })).toEqual([
    ['file', '/tmp/x', '-rwxr-xr-x made or changed in the container', null],
  ])
})

test('what cannot be read is no difference', () => {
  const unknown = nginx({
    args: null,
    exe: null,
    uid: null,
    cap_permitted: null,
    cap_bounding: null,
    seccomp: null,
    no_new_privs: null,
  })
  const nowhere = { mnt: null, pid: null, net: null, uts: null, ipc: null, user: null, cgroup: null, time: null }
  expect(told({ init: { ...unknown, namespaces: nowhere }, mounts: null, limits: null, host: null })).toEqual([])
})
