// node scripts/kernels/preempted.mjs [FOLDER]: makes test/samples/preempted-arm64 anew, a guest with tasks that were preempted
// within the kernel, of the newest arm64 kernel that the matrix lists, and what /proc/PID/stack said of them.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { fail, root } from '../lib.mjs'
import { makeBoot } from './initramfs.mjs'
import { KERNELS } from './kernels.mjs'
import { missingTools, output, Packages } from './packages.mjs'
import { Guest } from './qemu.mjs'

const SECONDS = 1800
const SAMPLE = join(root, 'test', 'samples', 'preempted-arm64')
const listed = KERNELS.findLast(({ name }) => name.includes('arm64 cloud'))
const kernel = { ...listed, append: 'preempt=full guest.preempt' }
const missing = missingTools([kernel])
if (missing.length > 0) fail(`missing: ${missing.join(', ')}`)

const cache = join(homedir(), '.cache', 'salvor-kernels')
const folder = process.argv[2] ?? join(cache, 'preempted')
mkdirSync(folder, { recursive: true })
const packages = new Packages(cache)
const files = packages.kernel(kernel.package, kernel.arch)
const unpack = (into) => {
  for (const file of files) output('dpkg-deb', ['-x', file, into])
}
makeBoot(kernel, unpack, packages.fetch('busybox-static', kernel.arch), folder)
writeFileSync(join(folder, 'record'), '')
truncateSync(join(folder, 'record'), 1 << 20)
const [image, small] = ['memory.elf', 'small.lime'].map((name) => join(folder, name))
const guest = await Guest.boot(kernel, folder)
try {
  await guest.says('GUEST-READY', SECONDS)
  await guest.dump(image, { last: true })
} finally {
  await guest.end()
}
const said = readFileSync(join(folder, 'console.log'), 'latin1').replaceAll('\r', '')
const stacks = said.match(/^STACK \d+\n(?:\[<0>\] .*\n)+END\n/gm)
if (stacks === null) fail(`the guest shows no stacks: ${join(folder, 'console.log')}`)
const distill = ['distill', image, '--output', small, '--force', '--analyzers', 'kernel-stacks']
const { status } = spawnSync(process.execPath, [join(root, 'bin', 'salvor.cjs'), ...distill], { stdio: 'inherit' })
if (status !== 0) fail(`distilling ended with ${status}`)
mkdirSync(SAMPLE, { recursive: true })
writeFileSync(join(SAMPLE, 'memory.lime.gz'), gzipSync(readFileSync(small), { level: 9 }))
writeFileSync(join(SAMPLE, 'stacks.txt'), stacks.join(''))
