/** Well-known holes by which containers took their nodes over, and the versions that have them. */

import type { Leads } from './types.js'

/** From a version on, up to one that is mended; null where every earlier one has it. */
type Range = readonly [from: string | null, mended: string]

interface Flaw {
  /** Its number; details and sources are in the national vulnerability database, and at the project's own advisory. */
  readonly cve: string
  readonly of: 'runc' | 'containerd' | 'cri-o' | 'kubelet' | 'kernel'
  readonly title: string
  readonly leads_to: Leads
  readonly attack: string
  readonly affected: readonly Range[]
}

/**
 * Ranges of what is written in Go are those of the Go vulnerability database (golang/vulndb): GO-2022-0914, GO-2024-2491,
 * GO-2025-4096, -4097 and -4098 of runc, GO-2022-0784 and GO-2022-0344 of containerd, GO-2022-0354 of CRI-O, GO-2022-0910 and
 * GO-2024-3286 of Kubernetes. It has none of CVE-2019-5736, of which the CVE says "runc through 1.0-rc6". Those of the kernel
 * are from the change that brought each and the releases of stable branches that mended it (nluedtke/linux_kernel_cves,
 * `<branch>_security.txt` and `CVEs.txt`); a branch that ended without (4.4, of CVE-2024-1086 also 4.14) has it for good.
 */
const FLAWS: readonly Flaw[] = [
  {
    cve: 'CVE-2019-5736',
    of: 'runc',
    title: 'A container can write over runc when something is executed in it',
    leads_to: 'root on the node',
    attack: 'T1611',
    affected: [[null, '1.0.0-rc7']],
  },
  {
    cve: 'CVE-2021-30465',
    of: 'runc',
    title: 'A link that is exchanged while a container starts has the node’s files mounted in it',
    leads_to: 'root on the node',
    attack: 'T1611',
    affected: [[null, '1.0.0-rc95']],
  },
  {
    cve: 'CVE-2024-21626',
    of: 'runc',
    title: 'A working directory leads into the node by a descriptor that runc left open',
    leads_to: 'root on the node',
    attack: 'T1611',
    affected: [['1.0.0-rc93', '1.1.12']],
  },
  ...(
    [
      ['CVE-2025-31133', 'The cover of a masked path can be exchanged for a file of /proc'],
      ['CVE-2025-52565', 'What is mounted at /dev/console can be exchanged for a file of /proc'],
      ['CVE-2025-52881', 'What runc writes to /proc can be turned to another file of it'],
    ] as const
  ).map(
    ([cve, title]): Flaw => ({
      ...{ cve, of: 'runc', title, leads_to: 'root on the node', attack: 'T1611' },
      affected: [
        [cve === 'CVE-2025-52565' ? '1.0.0-rc3' : null, '1.2.8'],
        ['1.3.0-rc.1', '1.3.3'],
        ['1.4.0-rc.1', '1.4.0-rc.3'],
      ],
    }),
  ),
  {
    cve: 'CVE-2020-15257',
    of: 'containerd',
    title: 'A container in the node’s network reaches the sockets of shims',
    leads_to: 'root on the node',
    attack: 'T1611',
    affected: [
      [null, '1.3.9'],
      ['1.4.0', '1.4.3'],
    ],
  },
  {
    cve: 'CVE-2022-23648',
    of: 'containerd',
    title: 'An image has files of the node copied into its volumes',
    leads_to: 'files of the node',
    attack: 'T1611',
    affected: [
      [null, '1.4.13'],
      ['1.5.0', '1.5.10'],
      ['1.6.0', '1.6.1'],
    ],
  },
  {
    cve: 'CVE-2022-0811',
    of: 'cri-o',
    title: 'A pod sets any setting of the kernel, core_pattern among them',
    leads_to: 'root on the node',
    attack: 'T1611',
    affected: [
      ['1.19.0', '1.19.6'],
      ['1.20.0', '1.20.7'],
      ['1.21.0', '1.21.6'],
      ['1.22.0', '1.22.3'],
      ['1.23.0', '1.23.2'],
    ],
  },
  {
    cve: 'CVE-2021-25741',
    of: 'kubelet',
    title: 'A link that is exchanged below a volume has the node’s files mounted',
    leads_to: 'files of the node',
    attack: 'T1611',
    affected: [
      [null, '1.19.15'],
      ['1.20.0', '1.20.11'],
      ['1.21.0', '1.21.5'],
      ['1.22.0', '1.22.2'],
    ],
  },
  {
    cve: 'CVE-2024-10220',
    of: 'kubelet',
    title: 'A volume of a Git repository runs commands on the node',
    leads_to: 'root on the node',
    attack: 'T1611',
    affected: [
      [null, '1.28.12'],
      ['1.29.0', '1.29.7'],
      ['1.30.0', '1.30.3'],
    ],
  },
  {
    cve: 'CVE-2022-0492',
    of: 'kernel',
    title: 'Who has a user namespace of its own sets release_agent',
    leads_to: 'root on the node',
    attack: 'T1611',
    affected: [
      [null, '4.9.301'],
      ['4.10', '4.14.266'],
      ['4.15', '4.19.229'],
      ['4.20', '5.4.177'],
      ['5.5', '5.10.97'],
      ['5.11', '5.15.20'],
      ['5.16', '5.16.6'],
    ],
  },
  {
    cve: 'CVE-2022-0185',
    of: 'kernel',
    title: 'Who has CAP_SYS_ADMIN in a user namespace writes past a buffer of the kernel',
    leads_to: 'the kernel',
    attack: 'T1068',
    affected: [
      ['5.1', '5.4.173'],
      ['5.5', '5.10.93'],
      ['5.11', '5.15.16'],
      ['5.16', '5.16.2'],
    ],
  },
  {
    cve: 'CVE-2022-0847',
    of: 'kernel',
    title: 'Who may read a file writes over it in the page cache (Dirty Pipe)',
    leads_to: 'files of the node',
    attack: 'T1068',
    affected: [
      ['5.8', '5.10.102'],
      ['5.11', '5.15.25'],
      ['5.16', '5.16.11'],
    ],
  },
  {
    cve: 'CVE-2024-1086',
    of: 'kernel',
    title: 'Who has a user namespace has nf_tables free memory twice',
    leads_to: 'the kernel',
    attack: 'T1068',
    affected: [
      ['3.15', '4.19.307'],
      ['4.20', '5.4.269'],
      ['5.5', '5.10.210'],
      ['5.11', '5.15.149'],
      ['5.16', '6.1.76'],
      ['6.2', '6.6.15'],
      ['6.7', '6.7.3'],
    ],
  },
]

/** A program whose version is known, and what says so. */
export interface Versioned {
  readonly program: string
  /** As its project numbers it. */
  readonly version: string
  readonly source: string
  /** Whether a distribution made it, which mends holes without changing that number. */
  readonly distributed: boolean
}

export interface ExposedFlaw {
  readonly name: string
  readonly title: string
  readonly leads_to: Leads
  readonly attack: string
  readonly because: string
}

/** Holes that programs have by their versions. */
export function knownFlaws(programs: readonly Versioned[]): ExposedFlaw[] {
  return FLAWS.flatMap(({ cve, of, affected, ...flaw }) => {
    const found = programs.find(
      ({ program, version }) =>
        program === of &&
        affected.some(([from, mended]) => (from === null || order(version, from) >= 0) && order(version, mended) < 0),
    )
    if (found === undefined) return []
    const perhaps = found.distributed ? '; its distribution may have mended it' : ''
    return [{ name: cve, ...flaw, because: `${of} ${found.version}, by ${found.source}${perhaps}` }]
  })
}

const VERSION = /^v?(\d{1,4})\.(\d{1,5})(?:\.(\d{1,5}))?(?:[-~]?(?:rc|beta|alpha)[.-]?(\d{1,4}))?/

/** Numbers of a version: one before its release is less than it. Null where it is none. */
export function numbersOf(version: string): number[] | null {
  const found = VERSION.exec(version.slice(0, 64))
  if (found === null) return null
  const [, major, minor, patch = '0', candidate] = found
  return [
    Number(major),
    Number(minor),
    Number(patch),
    candidate === undefined ? Number.POSITIVE_INFINITY : Number(candidate),
  ]
}

/** Below zero where the left one is earlier; NaN, which is neither, where one is no version. */
function order(left: string, right: string): number {
  const [one, other] = [numbersOf(left), numbersOf(right)]
  if (one === null || other === null) return Number.NaN
  const at = one.findIndex((number, index) => number !== other[index])
  return at < 0 ? 0 : (one[at] ?? 0) < (other[at] ?? 0) ? -1 : 1
}
