/** Which versions of what starts and confines containers a node has, by what memory holds of that. */

import type { CachedFiles } from '../cached-files.js'
import type { Versioned } from './flaws.js'

/** Packages by the names that distributions and projects give them, and the program of each. */
const PACKAGES: Readonly<Record<string, string>> = {
  runc: 'runc',
  containerd: 'containerd',
  'containerd.io': 'containerd',
  'cri-o': 'cri-o',
  kubelet: 'kubelet',
}
/** Longer lists of packages are nobody's. */
const LONGEST = 64 << 20
const STATUS = '/var/lib/dpkg/status'

interface Component {
  readonly component: string | null
  readonly version: string | null
  readonly container: string | null
}

interface Host {
  readonly release: string | null
  readonly banner: string | null
}

/** What each source says: the kubelet's own word before a package's. */
export function versionsOf(components: readonly Component[], host: Host | undefined, files: CachedFiles): Versioned[] {
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
  const all = [...told, ...packages(files), ...kernelVersion(host)]
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
    .replace(/-\d.*$/s, '')
}

function isDistributed(version: string): boolean {
  return /deb|ubuntu|\+ds|~ds|dfsg|el\d|fc\d|amzn/.test(version)
}

/** What is installed by dpkg's list (deb-control(5)), as far as the page cache has it. */
function packages(files: CachedFiles): Versioned[] {
  const { text } = files.read(STATUS)
  if (text === null || text.length > LONGEST) return []
  return text.split('\n\n').flatMap((paragraph): Versioned[] => {
    const name = /^Package: (\S{1,128})$/m.exec(paragraph.slice(0, 512))?.[1] ?? ''
    const program = Object.hasOwn(PACKAGES, name) ? PACKAGES[name] : undefined
    if (program === undefined || !/^Status: install ok installed$/m.test(paragraph.slice(0, 1024))) return []
    const version = /^Version: (\S{1,128})$/m.exec(paragraph.slice(0, 4096))?.[1]
    if (version === undefined) return []
    return [
      {
        program,
        version: upstream(version),
        source: `the package ${name} ${version}`,
        distributed: isDistributed(version),
      },
    ]
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
