// A kernel for x86-64 out of Debian's source package with settings of its own: `make tinyconfig`, and what lies in config/ over it.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { output } from './packages.mjs'

const CONFIGS = join(import.meta.dirname, 'config')

const settingsOf = ({ configs }) =>
  configs.map((name) => readFileSync(join(CONFIGS, `${name}.config`), 'utf8')).join('')

/** Unpacks the source that a package has into a folder. */
function unpack(file, folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const script =
    'dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards "./usr/src/linux-source-*.tar.xz" | tar -xJ -C "$2" --strip-components=1'
  output('sh', ['-c', script, 'sh', file, folder])
}

/** Lines of settings that a build's `.config` does not keep. */
export function lostSettings(settings, config) {
  const kept = new Set(config.split('\n'))
  const names = new Set([...kept].map((line) => line.split('=')[0]))
  const isKept = (line) => {
    const unset = /^# (CONFIG_\w+) is not set$/.exec(line)?.[1]
    return unset === undefined ? kept.has(line) : !names.has(unset)
  }
  return settings.split('\n').filter((line) => /^(?:# )?CONFIG_/.test(line) && !isKept(line))
}

/** Configures a build; throws where a setting that is asked for did not stay, for others forbid it. */
function configure(make, settings, folder) {
  make('tinyconfig')
  const path = join(folder, '.config')
  writeFileSync(path, `${readFileSync(path, 'utf8')}${settings}`)
  make('olddefconfig')
  const lost = lostSettings(settings, readFileSync(path, 'utf8'))
  if (lost.length > 0) throw new Error(`the source does not allow ${lost.join(', ')}`)
}

/**
 * Builds a kernel unless the one that is there is of the same source and settings, and answers its folder: `boot/vmlinuz-…`
 * and `lib/modules`, as a package has them, and `vmlinux` with what debug information was asked for.
 */
export function buildKernel(kernel, sourcePackage, folder) {
  const { compiler } = kernel
  const settings = settingsOf(kernel)
  const made = JSON.stringify({ source: basename(sourcePackage), compiler, settings })
  const built = join(folder, 'built')
  if (existsSync(join(built, 'made')) && readFileSync(join(built, 'made'), 'utf8') === made) return built
  const [source, objects] = ['source', 'objects'].map((name) => join(folder, name))
  for (const path of [built, objects]) rmSync(path, { recursive: true, force: true })
  for (const path of [join(built, 'boot'), objects]) mkdirSync(path, { recursive: true })
  unpack(sourcePackage, source)
  const make = (...words) =>
    output('make', ['-s', '-C', source, `O=${objects}`, `CC=${compiler}`, 'HOSTCC=gcc', ...words])
  configure(make, settings, objects)
  make('-j2', 'bzImage', 'modules')
  make(`INSTALL_MOD_PATH=${built}`, 'INSTALL_MOD_STRIP=1', 'modules_install')
  const release = make('kernelrelease').trim()
  output('cp', [join(objects, 'arch', 'x86', 'boot', 'bzImage'), join(built, 'boot', `vmlinuz-${release}`)])
  output('cp', [join(objects, 'vmlinux'), join(built, 'vmlinux')])
  for (const path of [source, objects]) rmSync(path, { recursive: true, force: true })
  writeFileSync(join(built, 'made'), made)
  return built
}
