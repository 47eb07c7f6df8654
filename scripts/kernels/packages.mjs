// Debian's packages for any suite and processor, by an apt of its own: the machine's sources stay as they are.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../lib.mjs'

const SUITES = ['bullseye', 'bookworm', 'bookworm-backports', 'trixie', 'trixie-backports', 'sid', 'experimental']
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const DAY_MS = 24 * 3600 * 1000

/** Runs a command and answers what it printed; throws where it fails. */
export function output(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
  })
  if (error !== undefined) throw new Error(`${command} does not start: ${error.message}`)
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr.trim()}`)
  return stdout
}

/** The mirror of Debian that this machine's apt is set to. */
function mirror() {
  const targets = output('apt-get', [
    'indextargets',
    '--format',
    '$(ORIGIN) $(LABEL) $(REPO_URI)',
    'Created-By: Packages',
  ])
  const line = targets.split('\n').find((each) => each.startsWith('Debian Debian '))
  return line?.split(' ')[2] ?? fail('no package lists of a Debian mirror: apt-get update')
}

/** Packages from the mirror, kept below a folder. */
export class Packages {
  #folder
  #settings

  constructor(folder) {
    this.#folder = folder
    for (const name of ['lists/partial', 'cache/archives/partial', 'debs'])
      mkdirSync(join(folder, name), { recursive: true })
    const lines = SUITES.map((suite) => `deb [signed-by=${KEYRING}] ${mirror()} ${suite} main\n`)
    writeFileSync(join(folder, 'sources.list'), lines.join(''))
    this.#settings = [
      `Dir::Etc::SourceList=${folder}/sources.list`,
      'Dir::Etc::SourceParts=/dev/null',
      `Dir::State::Lists=${folder}/lists`,
      `Dir::Cache=${folder}/cache`,
      'Dir::Cache::pkgcache=pkgcache.bin',
      'Dir::Cache::srcpkgcache=srcpkgcache.bin',
      'APT::Architectures::=amd64',
      'APT::Architectures::=arm64',
      'APT::Sandbox::User=root',
      'Acquire::Languages=none',
    ].flatMap((setting) => ['-o', setting])
    // The lists themselves have the dates of the mirror.
    const updated = join(folder, 'updated')
    if (!existsSync(updated) || Date.now() - statSync(updated).mtimeMs > DAY_MS) {
      this.#apt('apt-get', ['update'])
      writeFileSync(updated, '')
    }
  }

  #apt(command, args, options) {
    return output(command, [...this.#settings, ...args], options)
  }

  /** Packages whose names fit, the newest first by the numbers in them. */
  #fitting(pattern) {
    const names = this.#apt('apt-cache', ['pkgnames', 'linux-image-'])
      .split('\n')
      .map((name) => name.replace(/:.*/, ''))
      .filter((name) => pattern.test(name))
    return [...new Set(names)].sort((left, right) => right.localeCompare(left, 'en', { numeric: true }))
  }

  /** The files of the newest kernel that fits and that the mirror has all packages of. */
  kernel(pattern, arch) {
    let why = `the mirror has no package ${pattern.source}`
    for (const name of this.#fitting(pattern)) {
      try {
        return this.#whole(name, arch)
      } catch (error) {
        why = error.message
      }
    }
    throw new Error(why)
  }

  /** The files of a kernel's packages: in newer ones the kernel and its modules have their own. */
  #whole(name, arch) {
    const depends = /^Depends: (.*)$/m.exec(this.#apt('apt-cache', ['show', `${name}:${arch}`]))?.[1] ?? ''
    const parts = depends.match(/\blinux-(?:binary|modules)-[^\s,]+/g) ?? []
    return [name, ...parts].map((part) => this.fetch(part, arch))
  }

  /** Unpacks a kernel's `vmlinux` with debug information into a folder. */
  debugKernel(pattern, arch, folder) {
    const [name] = this.#fitting(new RegExp(pattern.source.replace(/\$$/, '-dbg$')))
    if (name === undefined) throw new Error(`the mirror has no package ${pattern.source} with debug information`)
    const script = 'dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards "./usr/lib/debug/boot/vmlinux-*" >"$2"'
    output('sh', ['-c', script, 'sh', this.fetch(name, arch), join(folder, 'vmlinux')])
  }

  /** The path of a package's file, fetched where it is not there. */
  fetch(name, arch) {
    const folder = join(this.#folder, 'debs', `${name}-${arch}`)
    if (!existsSync(folder) || readdirSync(folder).length !== 1) {
      mkdirSync(folder, { recursive: true })
      this.#apt('apt-get', ['download', '--quiet', `${name}:${arch}`], { cwd: folder })
    }
    return join(folder, readdirSync(folder)[0])
  }
}

/** Programs that the matrix runs, each with the package that has it. */
const TOOLS = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-system-aarch64': 'qemu-system-arm',
  'x86_64-linux-gnu-gcc': 'gcc',
  'aarch64-linux-gnu-gcc': 'gcc-aarch64-linux-gnu and libc6-dev-arm64-cross',
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  depmod: 'kmod',
  cpio: 'cpio',
  xz: 'xz-utils',
}

/** What builds a kernel runs besides; each kernel names its compiler. */
const BUILDERS = { make: 'make', flex: 'flex', bison: 'bison', bc: 'bc', pahole: 'dwarves, and libelf-dev' }

/** What this machine lacks for some kernels, in words. */
export function missingTools(kernels) {
  const compilers = kernels.flatMap(({ compiler }) => (compiler === undefined ? [] : [[compiler, compiler]]))
  const needed = { ...TOOLS, ...(compilers.length > 0 ? { ...BUILDERS, ...Object.fromEntries(compilers) } : {}) }
  const lacks = Object.entries(needed)
    .filter(([tool]) => spawnSync('sh', ['-c', 'command -v "$1"', 'sh', tool]).status !== 0)
    .map(([tool, name]) => `${tool} (apt-get install ${name})`)
  if (!existsSync(KEYRING)) lacks.push(`${KEYRING} (apt-get install debian-archive-keyring)`)
  if (process.getuid() !== 0) lacks.push('root: kernels and devices of guests are made by it')
  return lacks
}
