// Makes the embedded sample anew: node scripts/make-sample.mjs IMAGE_FOLDER [NAME [ANALYZER,…]]
//
// IMAGE_FOLDER holds memory.elf and truth/. Writes test/samples/NAME/memory.lime.gz, distilled to the pages that nearly all
// built-in analyzers read, or those that are named, and beside it the part of the truth that the tests hold it against.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Registry } from '../dist/src/engine/registry.js'
import { fail, root } from './lib.mjs'

const [, , folder, name = basename(folder ?? ''), named] = process.argv
if (!folder) fail('usage: node scripts/make-sample.mjs IMAGE_FOLDER [NAME [ANALYZER,…]]')
const sample = join(root, 'test', 'samples', name)
const truth = (file) => readFileSync(join(folder, 'truth', file), 'utf8')

function pick(object, names) {
  return Object.fromEntries(names.map((key) => [key, object[key]]))
}

const TASK = ['tid', 'comm', 'state', 'ppid', 'tgid', 'kthread', 'num_threads', 'starttime_ticks', 'uids', 'gids']
const NAMESPACES = ['nspid', 'ns', 'cgroup', 'seccomp', 'caps']
const PROCESS = ['pid', 'cmdline', 'exe', 'collector']

function write(file, text) {
  const path = join(sample, 'truth', file)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
}

function lines(text, wanted) {
  return `${text
    .split('\n')
    .filter((line) => wanted.test(line))
    .join('\n')}\n`
}

/** Of the kernel's own symbols `_text` and every 64th whose name no other has. */
function someSymbols(text) {
  const own = text.split('\n').filter((line) => line !== '' && !line.includes('['))
  const name = (line) => line.split(' ')[2]
  const times = new Map()
  for (const line of own) times.set(name(line), (times.get(name(line)) ?? 0) + 1)
  const kept = own.filter((line, index) => index % 64 === 0 && times.get(name(line)) === 1)
  return `${[...new Set([own.find((line) => name(line) === '_text'), ...kept])].join('\n')}\n`
}

/** Tables that read so much of memory that a sample with it would be none: all struct pages, code, and mapped files. */
const WITHOUT = ['kernel-hooks', 'memory-by-owner', 'removed-containers', 'elf-files', 'injected-memory']
const nearlyAll = Registry.builtin()
  .plain()
  .map(({ name }) => name)
  .filter((name) => !WITHOUT.includes(name))
const analyzers = named?.split(',') ?? nearlyAll

const temporary = mkdtempSync(join(tmpdir(), 'salvor-sample-'))
try {
  const small = join(temporary, 'small.lime')
  const salvor = [join(root, 'bin', 'salvor.cjs'), 'distill', join(folder, 'memory.elf'), '--output', small]
  const { status } = spawnSync(process.execPath, [...salvor, '--analyzers', analyzers.join(',')], { stdio: 'inherit' })
  if (status !== 0) fail(`distilling ended with ${status}`)
  rmSync(sample, { recursive: true, force: true })
  mkdirSync(sample, { recursive: true })
  writeFileSync(join(sample, 'memory.lime.gz'), gzipSync(readFileSync(small), { level: 9 }))
} finally {
  rmSync(temporary, { recursive: true })
}

const processes = JSON.parse(truth('processes.json')).map((process) => ({
  ...pick(process, [...PROCESS, ...TASK, ...NAMESPACES]),
  threads: process.threads.map((thread) => pick(thread, [...TASK, ...NAMESPACES])),
}))
write('processes.json', JSON.stringify(processes))

// What engines say of a guest that has all of them (scripts/engines); the rest of its truth no test asks for.
const ENGINES = ['docker-inspect', 'dind-inspect', 'podman-inspect', 'rootless-inspect', 'crun-list', 'runc-list']
const CRI = ['crio', 'k3s', 'kind']
const raw = (file) => join(folder, 'truth', 'raw', file)
if (existsSync(raw('crun-list.json')) || existsSync(join(folder, 'engines-alone'))) {
  const asked = CRI.filter((name) => existsSync(raw(name))).flatMap((name) =>
    readdirSync(raw(name)).map((file) => `${name}/${file}`),
  )
  const answers = ENGINES.map((name) => `${name}.json`).filter((file) => existsSync(raw(file)))
  for (const file of [...answers, ...asked]) {
    const told = truth(`raw/${file}`).trim()
    // What a runtime was given is long, and told by its own declaration.
    const short = (key, value) => (key === 'runtimeSpec' ? undefined : value)
    write(`raw/${file}`, JSON.stringify(told === '' ? null : JSON.parse(told), short))
  }
  if (existsSync(raw('dind-diff.txt'))) write('raw/dind-diff.txt', truth('raw/dind-diff.txt'))
  process.exit()
}
// Of some, by which the rest may be judged.
const userProcesses = JSON.parse(truth('processes.json')).filter(({ maps, collector }) => maps.length > 0 && !collector)
const inMemory = userProcesses.filter((_, index) => index % 8 === 0)
write('memory.json', JSON.stringify(inMemory.map((process) => pick(process, ['pid', 'maps', 'environ']))))
write('open-files.json', JSON.stringify(inMemory.map((process) => pick(process, ['pid', 'comm', 'fds']))))
write('planted.json', truth('planted.json'))
const CREDENTIALS = ['uids', 'gids', 'groups', 'caps', 'seccomp', 'seccomp_filters', 'no_new_privs', 'apparmor']
write(
  'signals.json',
  JSON.stringify(
    inMemory.map(({ pid, comm, sigcgt, threads }) => ({
      ...{ pid, comm, sigcgt },
      threads: threads.map((thread) => pick(thread, ['tid', 'sigblk'])),
    })),
  ),
)
const timed = userProcesses.map(({ pid, fds }) => ({
  pid,
  fds: fds.filter(({ fdinfo }) => fdinfo.includes('clockid')),
}))
write('timers.json', JSON.stringify(timed.filter(({ fds }) => fds.length > 0)))
const LOGIN = ['uid_map', 'gid_map', 'loginuid', 'sessionid']
write(
  'credentials.json',
  JSON.stringify(inMemory.map((process) => pick(process, ['pid', 'comm', ...CREDENTIALS, ...LOGIN]))),
)
// One process of each mount namespace tells all of it.
const roots = JSON.parse(truth('processes.json')).filter(({ root, collector }) => root === '/' && !collector)
const mountOwners = roots.filter(({ ns }, at) => roots.findIndex((other) => other.ns.mnt === ns.mnt) === at)
write('mounts.json', JSON.stringify(mountOwners.map((process) => pick(process, ['pid', 'ns', 'root', 'mountinfo']))))
write('namespaces.json', JSON.stringify(JSON.parse(truth('namespaces.json'))))
write(
  'cgroups.json',
  JSON.stringify(JSON.parse(truth('cgroups.json')), (key, value) => (key === 'inode' ? undefined : value)),
)
// What tables of networks are held against.
const NETWORK = ['link.json', 'addr.json', 'route.json', 'neigh.json', 'proc-dev.txt']
const SOCKETS = ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6', 'icmp', 'unix', 'netlink', 'packet']
for (const inode of readdirSync(join(folder, 'truth', 'net'))) {
  for (const file of [...NETWORK, ...SOCKETS.map((kind) => `proc-${kind}.txt`)]) {
    write(`net/${inode}/${file}`, truth(`net/${inode}/${file}`))
  }
}
write(
  'host.json',
  JSON.stringify(pick(JSON.parse(truth('host.json')), ['version', 'uname', 'hostname', 'btime', 'la57'])),
)
if (existsSync(join(folder, 'truth', 'oracle.json'))) {
  // Addresses are larger than numbers can hold: they stay text.
  const oracle = JSON.parse(truth('oracle.json').replace(/: (\d{16,})/g, ': "$1"'))
  const tasks = oracle.tasks.map((task) => ({
    ...pick(task, ['addr', 'pid', 'tgid', 'comm', 'cgroup', 'uid', 'start_boottime']),
    ns: { net: pick(task.ns.net, ['inum']) },
  }))
  write('oracle.json', JSON.stringify({ tasks, vmcoreinfo: lines(oracle.vmcoreinfo, /^BUILD-ID=/) }))
}
write('raw/proc-kallsyms.txt', someSymbols(truth('raw/proc-kallsyms.txt')))
const bpf = ['prog', 'map', 'link', 'cgroup', 'perf'].map((kind) => `raw/bpftool-${kind}.json`)
for (const file of bpf) if (existsSync(join(folder, 'truth', file))) write(file, truth(file))
write('raw/proc-iomem.txt', truth('raw/proc-iomem.txt'))
const KERNEL = 'dmesg proc-cmdline proc-cpuinfo proc-keys proc-modules sys-kernel-security-lsm sysctl'
for (const file of KERNEL.split(' ').map((name) => `raw/${name}.txt`)) write(file, truth(file))
for (const file of ['raw/docker-inspect.json', 'raw/podman-inspect.json']) {
  if (existsSync(join(folder, 'truth', file))) write(file, JSON.stringify(JSON.parse(truth(file))))
}
