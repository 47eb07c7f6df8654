// node scripts/kernels/capture.mjs AVML [KERNEL]: a plan's script takes the memory of a guest with containers by real AVML, and
// what arrived is verified, opened, put into a case by a batch, and verified again; then with a byte changed.
//
// AVML is a static binary of x86-64 (RUSTFLAGS='-C target-feature=+crt-static' cargo install avml --no-default-features --target
// x86_64-unknown-linux-gnu). KERNEL is a word of a name in kernels.mjs, of one that has ext4 built in (default: the newest cloud
// kernel). Wants what `npm run kernels` does, and e2fsprogs. Evidence and case are kept where it fails.
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fail, root } from '../lib.mjs'
import { makeBoot } from './initramfs.mjs'
import { KERNELS } from './kernels.mjs'
import { missingTools, output, Packages } from './packages.mjs'
import { Guest } from './qemu.mjs'

const SECONDS = 1800
const DISK_MIB = 2048
/** What the script needs of a host, beside bash and AVML. */
const PROGRAMS = ['bash', 'mawk', 'sed', 'grep', 'hostname']
const PACKAGE = 'coreutils'

const [, , avml, word = 'cloud'] = process.argv
if (avml === undefined || !existsSync(avml)) fail('node scripts/kernels/capture.mjs AVML [KERNEL]')
const kernel = KERNELS.findLast(({ name, arch, noTypes }) => name.includes(word) && arch === 'amd64' && !noTypes)
if (kernel === undefined) fail(`no kernel is called so; there are ${KERNELS.map(({ name }) => name).join('; ')}`)
const missing = missingTools([kernel])
if (missing.length > 0) fail(`missing: ${missing.join(', ')}`)

const cache = join(homedir(), '.cache', 'salvor-kernels')
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, 'capture-'))
const [evidence, caseFolder, plan] = ['evidence', 'case', 'plan'].map((name) => join(folder, name))

/** Runs salvor with its output shown; it has to end with one of some codes. */
function salvor(codes, ...args) {
  process.stdout.write(`$ salvor ${args.join(' ').replaceAll(folder, '.')}\n`)
  const { status } = spawnSync(process.execPath, [join(root, 'bin', 'salvor.cjs'), ...args], { stdio: 'inherit' })
  process.stdout.write(`exit code ${status}\n\n`)
  if (!codes.includes(status)) fail(`that is none of ${codes.join(', ')}: ${folder}`)
}

/** A root for the plan's script: programs of this machine with their libraries, AVML and the script. */
function makeHost(host) {
  for (const name of ['bin', 'dev', 'evidence', 'proc', 'root', 'sys', 'tmp', 'usr/bin'])
    mkdirSync(join(host, name), { recursive: true })
  const found = PROGRAMS.map((name) => output('sh', ['-c', 'command -v "$1"', 'sh', name]).trim())
  const listed = output('dpkg', ['-L', PACKAGE])
    .split('\n')
    .filter((path) => /\/s?bin\/./.test(path) && existsSync(path))
  const programs = [...found, ...listed]
  for (const path of programs) cpSync(path, join(host, 'bin', basename(path)), { dereference: true })
  cpSync(join(host, 'bin', 'mawk'), join(host, 'bin', 'awk'))
  const libraries = programs.flatMap(
    (path) => spawnSync('ldd', [path], { encoding: 'utf8' }).stdout.match(/\/\S+/g) ?? [],
  )
  for (const path of new Set(libraries.filter(existsSync))) {
    mkdirSync(join(host, dirname(path)), { recursive: true })
    cpSync(path, join(host, path), { dereference: true })
  }
  cpSync(avml, join(host, 'root', 'avml'))
  chmodSync(join(host, 'root', 'avml'), 0o755)
  cpSync(join(plan, 'capture.sh'), join(host, 'root', 'capture.sh'))
}

/** The guest's files with those of the host: the kernel takes one archive after the other. */
function addHost() {
  const more = join(folder, 'more')
  makeHost(join(more, 'host'))
  const packed = join(folder, 'more.gz')
  output('sh', ['-c', 'cd "$1" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >"$2"', 'sh', more, packed])
  appendFileSync(join(folder, 'initrd'), readFileSync(packed))
  for (const path of [more, packed]) rmSync(path, { recursive: true })
}

/** Changes one byte in the middle of a file. */
function tamper(path, at) {
  const file = openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  readSync(file, byte, 0, 1, at)
  byte[0] ^= 1
  writeSync(file, byte, 0, 1, at)
  closeSync(file)
}

const hash = output('sha256sum', [avml]).slice(0, 64)
const own = ['--avml', '/root/avml', '--avml-sha256', hash, '--name', 'guest']
salvor([0], 'acquire', 'plan', 'host', '--case', 'LAB', '--to', '/evidence', ...own, '-d', plan)
const packages = new Packages(cache)
const files = packages.kernel(kernel.package, kernel.arch)
const unpack = (into) => {
  for (const file of files) output('dpkg-deb', ['-x', file, into])
}
makeBoot(kernel, unpack, packages.fetch('busybox-static', kernel.arch), folder)
addHost()
const disk = join(folder, 'record')
writeFileSync(disk, '')
truncateSync(disk, DISK_MIB * 2 ** 20)
output('mke2fs', ['-q', '-t', 'ext4', disk])
const guest = await Guest.boot({ ...kernel, ram: 2 * kernel.ram }, folder)
try {
  await guest.says('GUEST-READY', SECONDS)
} finally {
  await guest.end()
}
mkdirSync(evidence)
output('debugfs', ['-R', `rdump / ${evidence}`, disk])
rmSync(disk)
rmSync(join(evidence, 'lost+found'), { recursive: true, force: true })
const said = readFileSync(join(evidence, 'capture.log'), 'utf8')
process.stdout.write(`${said}\n`)
const manifest = /manifest\.json has the SHA-256 ([0-9a-f]{64})/.exec(said)?.[1] ?? fail(`nothing was taken: ${folder}`)
const image = readdirSync(evidence).find((name) => name.endsWith('.avml')) ?? fail(`no image arrived: ${folder}`)

salvor([0], 'acquire', 'verify', evidence, '--sha256', manifest)
salvor([0], 'info', join(evidence, image))
// Torn as memory of a host that goes on is: some rows are partial.
salvor([0, 5], 'batch', evidence, '--case', caseFolder)
salvor([0], 'case', caseFolder)
salvor([0], 'verify', caseFolder)
salvor([0], 'sql', caseFolder, 'SELECT count(*) AS processes FROM processes')
tamper(join(evidence, image), 1 << 20)
salvor([3], 'acquire', 'verify', evidence)
salvor([3], 'verify', caseFolder)
rmSync(folder, { recursive: true })
