// A guest's kernel and initramfs out of packages: busybox, the guest's program and the kernel's modules that it wants.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { output } from './packages.mjs'

const SOURCES = join(import.meta.dirname, 'guest')
/** Modules that the guest loads, with what they need; those that a kernel has built in are in no package. */
const WANTED = [
  'crc32c_generic',
  'virtio_pci',
  'virtio_blk',
  'qemu_fw_cfg',
  'overlay',
  'veth',
  'bridge',
  'dummy',
  'nf_tables',
  'nf_conntrack',
  'loop',
]
const FOLDERS = [
  'bin',
  'etc',
  'mnt',
  'modules',
  ...['bin', 'dev', 'etc', 'old', 'proc', 'tmp'].map((name) => `image/${name}`),
]
const COMPILERS = { amd64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' }
const FLAGS = ['-std=gnu11', '-O2', '-static', '-pthread', '-Wno-unused-result']

/** The guest's own programs for a processor. */
function compile(arch, folder) {
  const sources = readdirSync(SOURCES).filter((name) => name.endsWith('.c') && name !== 'sleeper.c')
  output(COMPILERS[arch], [
    ...FLAGS,
    '-o',
    join(folder, 'guest'),
    ...sources.map((name) => join(SOURCES, name)),
    '-lrt',
  ])
  output(COMPILERS[arch], [...FLAGS, '-o', join(folder, 'sleeper'), join(SOURCES, 'sleeper.c')])
}

/** The files of modules, in the order in which they can be loaded. */
function moduleFiles(folder) {
  const needs = new Map()
  for (const line of readFileSync(join(folder, 'modules.dep'), 'utf8').trim().split('\n')) {
    const [file, rest = ''] = line.split(':')
    needs.set(file, rest.trim().split(' ').filter(Boolean))
  }
  const nameOf = (file) =>
    basename(file)
      .replace(/\.ko.*/, '')
      .replaceAll('-', '_')
  const order = []
  const add = (file) => {
    if (order.includes(file)) return
    for (const other of needs.get(file) ?? []) add(other)
    order.push(file)
  }
  for (const name of WANTED) {
    const file = [...needs.keys()].find((each) => nameOf(each) === name)
    if (file !== undefined) add(file)
  }
  return order
}

function modules(from, to) {
  mkdirSync(to, { recursive: true })
  const [release] = readdirSync(join(from, 'lib/modules'))
  const folder = join(from, 'lib/modules', release)
  // A package of an older day has modules.dep made when it is installed.
  if (!existsSync(join(folder, 'modules.dep'))) output('depmod', ['-b', from, release])
  const order = moduleFiles(folder).map((file) => {
    const name = basename(file)
    cpSync(join(folder, file), join(to, name))
    if (name.endsWith('.xz')) output('xz', ['-d', join(to, name)])
    return name.replace(/\.xz$/, '')
  })
  writeFileSync(join(to, 'order'), order.map((name) => `${name}\n`).join(''))
}

/** Makes `vmlinuz` and `initrd` in a folder, of a kernel that `unpackKernel` puts into another and of busybox's package. */
export function makeBoot({ arch }, unpackKernel, busyboxPackage, folder) {
  const unpacked = join(folder, 'unpacked')
  const root = join(folder, 'root')
  for (const path of [unpacked, root]) rmSync(path, { recursive: true, force: true })
  for (const name of FOLDERS) mkdirSync(join(root, name), { recursive: true })
  const kernel = join(unpacked, 'kernel')
  mkdirSync(kernel, { recursive: true })
  unpackKernel(kernel)
  output('dpkg-deb', ['-x', busyboxPackage, join(unpacked, 'busybox')])
  // A merged /usr has moved the modules, and the kernel to them.
  const base = existsSync(join(kernel, 'lib/modules')) ? kernel : join(kernel, 'usr')
  const [release] = readdirSync(join(base, 'lib/modules'))
  const places = [join(kernel, 'boot', `vmlinuz-${release}`), join(base, 'lib/modules', release, 'vmlinuz')]
  cpSync(places.find(existsSync), join(folder, 'vmlinuz'))
  modules(base, join(root, 'modules'))
  const busybox = ['bin/busybox', 'usr/bin/busybox'].map((path) => join(unpacked, 'busybox', path)).find(existsSync)
  cpSync(busybox, join(root, 'bin/busybox'))
  compile(arch, join(root, 'bin'))
  cpSync(join(root, 'bin/sleeper'), join(root, 'image/bin/sleeper'))
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n')
  writeFileSync(join(root, 'image/etc/removed'), 'of the image\n')
  writeFileSync(join(root, 'image/etc/changed'), 'of the image\n')
  cpSync(join(SOURCES, 'init.sh'), join(root, 'init'))
  output('chmod', ['755', join(root, 'init')])
  symlinkSync('busybox', join(root, 'bin/sh'))
  output('sh', [
    '-c',
    'cd "$1" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >"$2"',
    'sh',
    root,
    join(folder, 'initrd'),
  ])
  for (const path of [unpacked, root]) rmSync(path, { recursive: true, force: true })
}
