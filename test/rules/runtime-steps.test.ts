/** Rules leave out the steps of a runtime: by what is run, never by the name of it, which is the attacker's to choose. */

import { evaluateRule } from 'salvor/testing'
import { describe, expect, test } from 'vitest'
import emptyEnvironment from '../../dist/plugins/rules/defense-evasion/empty-environment.js'
import fileless from '../../dist/plugins/rules/defense-evasion/fileless-execution.js'
import libraryWithoutFile from '../../dist/plugins/rules/defense-evasion/library-without-file.js'
import execInto from '../../dist/plugins/rules/execution/exec-into-container.js'
import gained from '../../dist/plugins/rules/privilege-escalation/gained-capabilities.js'
import directoryEntered from '../../dist/plugins/rules/privilege-escalation/host-directory-entered.js'
import namespaceHeld from '../../dist/plugins/rules/privilege-escalation/host-namespace-held.js'
import leaked from '../../dist/plugins/rules/privilege-escalation/leaked-host-directory.js'
import namespaceEscape from '../../dist/plugins/rules/privilege-escalation/namespace-escape.js'
import byHandle from '../../dist/plugins/rules/privilege-escalation/opened-by-handle.js'
import filterMissing from '../../dist/plugins/rules/privilege-escalation/system-call-filter-missing.js'

const CLONED = '/memfd:runc_cloned:/proc/self/exe (deleted)'
const MAP = ['0 0 4294967295']
const host = { ppid: 1, comm: 'x', args: ['x'], container: null, mnt_ns: 1, euid: 0, kernel_thread: false, state: 'S' }
const systemd = { ...host, pid: 1, ppid: 0, exe: '/usr/lib/systemd/systemd', pid_ns: 1 }
const shim = { ...host, pid: 5, exe: '/usr/bin/containerd-shim-runc-v2' }
const first = { ...host, pid: 10, ppid: 5, exe: '/bin/sleep', container: 'c1', mnt_ns: 2 }
/** Started by the shim in the container, as an exec is, and as whatever becomes its orphan. */
const own = { ...host, pid: 20, ppid: 5, exe: CLONED, container: 'c1', mnt_ns: 2, pid_ns: 2 }
const containers = [{ id: 'c1', init_pid: 10, privileged: false, capabilities: [], image: null, name: null }]
const held = { pid: 20, container: 'c1', fd: 7 }

/** What beside the process makes each rule find it. */
// biome-ignore lint/suspicious/noExplicitAny: rules of different tables
const RULES: [rule: any, tables: Record<string, object[]>, process?: object][] = [
  [fileless, {}],
  [emptyEnvironment, { environment: [] }, { args: ['sh'] }],
  [libraryWithoutFile, { injected: [{ ...held, path: '/memfd:lib (deleted)', reasons: ['memfd'] }] }],
  [execInto, { terminals: [] }],
  [
    gained,
    {
      credentials: [
        { pid: 1, container: null, uid_map: MAP },
        { ...held, uid_map: MAP, cap_effective: ['CAP_SYS_ADMIN'] },
      ],
      containers,
    },
  ],
  [
    directoryEntered,
    { directories: [{ pid: 20, path: '/', mount_id: 3 }], mounts: [{ id: 3, mnt_ns: 1, target: '/' }] },
  ],
  [namespaceHeld, { files: [{ ...held, type: 'namespace', path: 'pid:[1]', inode: 1 }] }],
  [
    leaked,
    { files: [{ ...held, type: 'directory', path: '/', mount_id: 3 }], mounts: [{ id: 3, mnt_ns: 1, target: '/' }] },
  ],
  [namespaceEscape, { containers }, { mnt_ns: 1 }],
  [
    byHandle,
    {
      files: [{ ...held, type: 'file', path: '/', inode: 2, mount_id: 3 }],
      mounts: [{ id: 3, container: 'c1', target: '/etc/hosts', source: '/dev/sda1' }],
    },
  ],
  [
    filterMissing,
    {
      credentials: [
        { pid: 10, container: 'c1', seccomp: 'filter' },
        { ...held, seccomp: 'disabled' },
      ],
    },
  ],
]

const copy = { pid: 20, exe: CLONED, size: 90, sealed: true, copy_of: '/usr/sbin/runc', same_file: false, compared: 90 }
const file = { ...copy, exe: '/usr/sbin/runc', sealed: null, same_file: true }

describe.each(RULES.map(([rule, tables, change]) => [rule.name, rule, tables, change] as const))(
  '%s',
  (_, rule, tables, change) => {
    const find = (programs: object[], runs: object = {}) => {
      const process = { ...own, ...change, ...runs }
      return evaluateRule(rule, { ...tables, processes: [systemd, shim, first, process], programs }, containers)
    }
    // A shell is told by its name, and only a program from an odd place has any other.
    const odd = rule === emptyEnvironment ? { exe: '/dev/shm/runc' } : {}

    test('leaves out a runtime, and the copy that it made of itself', () => {
      expect(find([copy], odd)).toEqual([])
      if (rule !== fileless) expect(find([file], { exe: '/usr/sbin/runc' })).toEqual([])
    })

    test.each([
      ['of which nothing is known', []],
      ['that is no copy', [{ ...copy, copy_of: null, compared: null }]],
      ['that anybody can change', [{ ...copy, sealed: false }]],
      ['whose seals cannot be read', [{ ...copy, sealed: null }]],
    ])('finds what only bears the name of one, %s', (_, programs) => {
      expect(find(programs, odd)).toMatchObject([{ about: { pid: 20 } }])
    })

    test('finds a program that is called as a runtime in the image', () => {
      const exe = rule === emptyEnvironment ? '/tmp/runc' : '/usr/bin/runc'
      if (rule === fileless) return
      expect(find([{ ...file, exe, copy_of: null, same_file: false, compared: null }], { exe })).toHaveLength(1)
    })
  },
)
