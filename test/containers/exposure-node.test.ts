/** What is known of a node: holes of the versions it has, its kubelet's file, and the API server's arguments. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CachedFiles } from '../../src/containers/cached-files.js'
import { knownFlaws, numbersOf } from '../../src/containers/exposure/flaws.js'
import { kubeletSettings } from '../../src/containers/exposure/kubelet-settings.js'
import { exposedSettings } from '../../src/containers/exposure/settings.js'
import { versionsOf } from '../../src/containers/exposure/versions.js'

const of = (program: string, version: string) =>
  knownFlaws([{ program, version, source: 'a test', distributed: false }]).map(({ name }) => name)

describe('holes by versions', () => {
  test.each([
    ['runc', '1.0.0-rc6', ['CVE-2019-5736', 'CVE-2021-30465', 'CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881']],
    ['runc', '1.0.0-rc92', ['CVE-2021-30465', 'CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881']],
    ['runc', '1.0.0~rc93', ['CVE-2021-30465', 'CVE-2024-21626', 'CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881']],
    ['runc', '1.1.11', ['CVE-2024-21626', 'CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881']],
    ['runc', '1.2.8', []],
    ['runc', '1.3.2', ['CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881']],
    ['runc', '1.3.3', []],
    ['runc', '1.4.0-rc.2', ['CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881']],
    ['runc', '1.4.0', []],
    ['containerd', '1.4.2', ['CVE-2020-15257', 'CVE-2022-23648']],
    ['containerd', '1.3.9', ['CVE-2022-23648']],
    ['containerd', '1.6.1', []],
    ['cri-o', '1.23.1', ['CVE-2022-0811']],
    ['cri-o', '1.18.4', []],
    ['kubelet', '1.22.1', ['CVE-2021-25741', 'CVE-2024-10220']],
    ['kubelet', 'v1.30.2', ['CVE-2024-10220']],
    ['kubelet', '1.30.3', []],
    ['kernel', '5.10.96', ['CVE-2022-0492', 'CVE-2022-0847', 'CVE-2024-1086']],
    ['kernel', '5.16.1', ['CVE-2022-0492', 'CVE-2022-0185', 'CVE-2022-0847', 'CVE-2024-1086']],
    ['kernel', '6.1.192', []],
    ['runc', 'unknown', []],
    ['dockerd', '1.0.0', []],
  ])('%s %s', (program, version, expected) => {
    expect(of(program, version)).toEqual(expected)
  })

  test('one that a distribution made may be mended, and says so', () => {
    const [found] = knownFlaws([{ program: 'kubelet', version: '1.30.0', source: 'x', distributed: true }])
    expect(found?.because).toBe('kubelet 1.30.0, by x; its distribution may have mended it')
  })

  test('any text is a version or none', () => {
    fc.assert(fc.property(fc.string(), (text) => numbersOf(text)?.length === 4 || numbersOf(text) === null))
  })
})

const files = (text: string | null): CachedFiles => ({
  list: () => [],
  read: () => (text === null ? { text, reason: 'not cached' } : { text, address: 1n }),
  readlink: () => null,
})
const installed = (name: string, version: string) =>
  `Package: ${name}\nStatus: install ok installed\nPriority: optional\nVersion: ${version}\n`

describe('versions', () => {
  test('come from the kubelet, from packages and from the banner', () => {
    const components = [
      { component: 'kubelet', version: '1.30.14', container: null },
      { component: 'kube-proxy', version: '1.30.14', container: 'c' },
    ]
    const host = {
      release: '6.1.0-56-cloud-amd64',
      banner: 'Linux version 6.1.0-56 (x) #1 SMP Debian 6.1.192-1 (2026)',
    }
    const status = [installed('runc', '1.1.5+ds1-1+deb12u1'), installed('kubelet', '1.29.0-1.1')].join('\n')
    expect(versionsOf(components, host, files(status))).toMatchObject([
      { program: 'kubelet', version: '1.30.14', distributed: false },
      { program: 'runc', version: '1.1.5', distributed: true },
      { program: 'kernel', version: '6.1.192', distributed: true },
    ])
  })

  test.each([
    ['1:1.7.24-0ubuntu1~22.04.1', '1.7.24', true],
    ['1.0.0~rc93+ds1-5+deb11u2', '1.0.0~rc93', true],
    ['1.6.20~ds1-1+deb12u3', '1.6.20', true],
    ['1.7.22-1', '1.7.22', false],
  ])('of %s', (version, expected, distributed) => {
    expect(versionsOf([], undefined, files(installed('containerd.io', version)))).toMatchObject([
      { program: 'containerd', version: expected, distributed },
    ])
  })

  test('of a kernel whose release does not tell them, of what is not installed, and of nothing are not known', () => {
    expect(versionsOf([], { release: '5.15.0-91-generic', banner: null }, files(null))).toEqual([])
    expect(versionsOf([], { release: '4.18.0-513.el8.x86_64', banner: '' }, files(''))).toEqual([])
    expect(versionsOf([], { release: '5.10.210-201.855.amzn2.x86_64', banner: '' }, files(null))).toHaveLength(1)
    const removed = installed('runc', '1.0.0').replace('install ok installed', 'deinstall ok config-files')
    expect(versionsOf([], undefined, files(removed))).toEqual([])
  })
})

describe('the kubelet’s file', () => {
  const configuration = {
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: true } },
    authorization: { mode: 'AlwaysAllow' },
    readOnlyPort: 10255,
    protectKernelDefaults: true,
    seccompDefault: true,
    allowedUnsafeSysctls: ['net.*'],
    staticPodURL: 'http://10.0.0.9/pods',
  }
  const names = (value: unknown, flags: [string, string][] = []) =>
    kubeletSettings(value, '/c', new Map(flags)).map(({ name }) => name.replace('kubelet ', ''))

  test('weakens its node by each of its fields', () => {
    expect(names(configuration)).toEqual([
      ...[
        'authentication.anonymous.enabled',
        'authorization.mode',
        'readOnlyPort',
        'allowedUnsafeSysctls',
        'staticPodURL',
      ],
    ])
    expect(names({ kind: 'KubeletConfiguration' })).toEqual(['protectKernelDefaults', 'seccompDefault'])
  })

  test('says nothing of what a flag decides, and nothing where it is another file', () => {
    expect(names(configuration, [['anonymous-auth', 'false']])).not.toContain('authentication.anonymous.enabled')
    expect(names({ ...configuration, kind: 'Pod' })).toEqual([])
    expect(names(null)).toEqual([])
    expect(names({ kind: 'KubeletConfiguration', authentication: 'x', readOnlyPort: '10255' })).not.toContain(
      'readOnlyPort',
    )
  })
})

test('an API server without its audit log, or without the plugin that holds nodes back', () => {
  const server = (...args: string[]) =>
    exposedSettings([], [{ exe: '/usr/local/bin/kube-apiserver', args: ['kube-apiserver', ...args] }]).map(
      ({ name }) => name,
    )
  const good = [
    '--enable-admission-plugins=NodeRestriction',
    '--audit-log-path=/var/log/audit.log',
    '--anonymous-auth=false',
  ]
  expect(server(...good)).toEqual([])
  expect(server('--anonymous-auth')).toEqual([
    'kube-apiserver --anonymous-auth',
    'kube-apiserver --enable-admission-plugins',
    'kube-apiserver --audit-log-path',
  ])
})
