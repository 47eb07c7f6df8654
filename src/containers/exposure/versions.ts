/** Which versions of what starts and confines containers a node has, by what memory holds of that. */

import type { CachedFiles } from '../cached-files.js'
import type { BuildInfo } from './build-info.js'
import type { Versioned } from './flaws.js'
import { PACKAGE_LISTS } from './package-lists.js'

/** Packages by the names that distributions and projects give them, and the program of each. */
const PACKAGES: Readonly<Record<string, string>> = {
  runc: 'runc',
  containerd: 'containerd',
  'containerd.io': 'containerd',
  'cri-o': 'cri-o',
  kubelet: 'kubelet',
}
/** Programs by the paths of their sources, whichever folder of these they are made from. */
const PROGRAMS: readonly (readonly [string, RegExp])[] = [
  ['runc', /^github\.com\/opencontainers\/runc$/],
  ['containerd', /^github\.com\/containerd\/containerd(?:\/v2)?\/cmd\/containerd$/],
  ['cri-o', /^github\.com\/cri-o\/cri-o\/cmd\/crio$/],
  ['kubelet', /^k8s\.io\/kubernetes\/cmd\/kubelet$/],
]
/** Where those programs lie, by the packages of distributions and of their projects. */
export const PROGRAM_FILES: readonly string[] = ['runc', 'containerd', 'crio', 'kubelet'].flatMap((name) =>
  [
    '/usr/bin',
    '/usr/sbin',
    '/usr/local/bin',
    '/usr/local/sbin',
    '/opt/bin',
    '/var/lib/rancher/k3s/data/current/bin',
  ].map((folder) => `${folder}/${name}`),
)
/** Longer lists of packages are nobody's. */
const LONGEST = 64 << 20

/** What a program says of how it was built. */
export interface Built extends BuildInfo {
  readonly file: string
}

interface Component {
  readonly component: string | null
  readonly version: string | null
  readonly container: string | null
}

interface Host {
  readonly release: string | null
  readonly banner: string | null
}

/** What each source says: the kubelet's own word before what programs say, and that before a package's. */
export function versionsOf(
  components: readonly Component[],
  host: Host | undefined,
  files: CachedFiles,
  built: readonly Built[] = [],
): Versioned[] {
  const told = components.flatMap(({ component, version, container }) =>
    component === null || version === null || container !== null || !Object.values(PACKAGES).includes(component)
      ? []
      : [
          {
            program: component,
            version: upstream(version),
            source: 'the kubelet',
            distributed: isDistributed(version),
          },
        ],
  )
  const all = [...told, ...builds(built), ...packages(files), ...kernelVersion(host)]
  // Whoever says that a distribution made it is right.
  const byOthers = new Set(all.flatMap(({ program, distributed }) => (distributed ? [program] : [])))
  return all
    .filter(({ program }, at) => all.findIndex((other) => other.program === program) === at)
    .map((one) => ({ ...one, distributed: byOthers.has(one.program) }))
}

/** A package's version without epoch, repacking and its distribution's own number: 1:1.1.5+ds1-1+deb12u1 is 1.1.5. */
function upstream(version: string): string {
  return version
    .replace(/^\d{1,4}:/, '')
    .replace(/[+~](?:ds|dfsg|git).*$/s, '')
    .replace(/-r?\d.*$/s, '')
}

function isDistributed(version: string): boolean {
  return /deb|ubuntu|\+ds|~ds|dfsg|el\d|fc\d|amzn|-r\d/.test(version)
}

/** What is installed by the lists of packages, as far as the page cache has them. */
function packages(files: CachedFiles): Versioned[] {
  return PACKAGE_LISTS.flatMap(({ path, read }) => {
    const { text } = files.read(path)
    if (text === null || text.length > LONGEST) return []
    return read(text).flatMap(({ name, version }): Versioned[] => {
      const program = Object.hasOwn(PACKAGES, name) ? PACKAGES[name] : undefined
      if (program === undefined) return []
      const source = `the package ${name} ${version}`
      return [{ program, version: upstream(version), source, distributed: isDistributed(version) }]
    })
  })
}

/** What programs say of themselves, by the paths of their sources. */
function builds(programs: readonly Built[]): Versioned[] {
  return programs.flatMap(({ file, path, version }): Versioned[] => {
    const program = PROGRAMS.find(([, of]) => of.test(path))?.[0]
    if (program === undefined || version === null) return []
    const source = `what ${file} was built from`
    return [{ program, version: upstream(version), source, distributed: isDistributed(version) }]
  })
}

/**
 * The version that the kernel's own project numbers. Debian says it beside the release, whose last number is its own; others
 * that keep that at zero do not say it at all.
 */
function kernelVersion(host: Host | undefined): Versioned[] {
  const debian = /\bDebian (\d{1,2}\.\d{1,3}\.\d{1,4})-\d/.exec(host?.banner?.slice(0, 1024) ?? '')?.[1]
  const plain = /^(\d{1,2}\.\d{1,3}\.[1-9]\d{0,3})(?:$|[-+.])/.exec(host?.release ?? '')?.[1]
  const version = debian ?? plain
  return version === undefined ? [] : [{ program: 'kernel', version, source: 'its banner', distributed: true }]
}
