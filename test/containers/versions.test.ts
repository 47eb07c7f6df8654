/** Versions that lists of packages and programs themselves tell. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findBuildInfo } from '../../src/containers/exposure/build-info.js'
import { versionsOf } from '../../src/containers/exposure/versions.js'
import { FakeFiles } from './cached-files.js'

const versions = (tree: Record<string, string>) => versionsOf([], undefined, new FakeFiles(tree))

describe('lists of packages', () => {
  test('of Alpine', () => {
    const content = 'C:Q1x=\nP:runc\nV:1.1.12-r2\nA:x86_64\n\nC:Q1y=\nP:musl\nV:1.2.5-r1\n'
    expect(versions({ '/lib/apk/db/installed': content })).toMatchObject([
      { program: 'runc', version: '1.1.12', distributed: true, source: 'the package runc 1.1.12-r2' },
    ])
  })

  test('of what dnf did: the last word on each', () => {
    const content = [
      '2026-01-01T00:00:00+0000 SUBDEBUG Installed: runc-1.1.11-1.amzn2023.0.1.x86_64',
      '2026-01-01T00:00:00+0000 SUBDEBUG Installed: containerd-1.7.11-1.amzn2023.0.1.x86_64',
      '2026-02-01T00:00:00+0000 SUBDEBUG Upgrade: runc-1.1.14-1.amzn2023.0.1.x86_64',
      '2026-02-01T00:00:00+0000 SUBDEBUG Upgraded: runc-1.1.11-1.amzn2023.0.1.x86_64',
      '2026-03-01T00:00:00+0000 SUBDEBUG Erase: containerd-1.7.11-1.amzn2023.0.1.x86_64',
    ].join('\n')
    expect(versions({ '/var/log/dnf.rpm.log': content })).toMatchObject([
      { program: 'runc', version: '1.1.14', distributed: true },
    ])
  })

  test('of Bottlerocket and of Container-Optimized OS', () => {
    const inventory = { Content: [{ Name: 'runc', Version: '1.1.13', Release: '1' }, { Name: 7 }] }
    expect(versions({ '/usr/share/bottlerocket/application-inventory.json': JSON.stringify(inventory) })).toMatchObject(
      [{ program: 'runc', version: '1.1.13' }],
    )
    const packages = { installedPackages: [{ category: 'app-containers', name: 'containerd', version: '1.7.10' }] }
    expect(versions({ '/etc/cos-package-info.json': JSON.stringify(packages) })).toMatchObject([
      { program: 'containerd', version: '1.7.10' },
    ])
  })

  test('that are no lists have none', () => {
    for (const path of ['/lib/apk/db/installed', '/etc/cos-package-info.json', '/var/log/dnf.rpm.log']) {
      fc.assert(fc.property(fc.string(), (text) => versions({ [path]: text }).length === 0))
    }
  })
})

/** As the linker writes it. */
function buildInfo(...lines: string[]): Buffer {
  const text = (content: Buffer) => {
    const length: number[] = []
    let rest = content.length
    for (; rest >= 0x80; rest >>= 7) length.push((rest & 0x7f) | 0x80)
    return Buffer.concat([Buffer.from([...length, rest]), content])
  }
  const head = Buffer.alloc(32)
  head.write('\xff Go buildinf:', 'latin1')
  head.set([8, 2], 14)
  const around = Buffer.alloc(16, 0x30)
  const told = Buffer.concat([around, Buffer.from(`${lines.join('\n')}\n`), around])
  return Buffer.concat([Buffer.alloc(48, 0xff), head, text(Buffer.from('go1.22.4')), text(told)])
}

describe('what a program was built from', () => {
  const path = 'path\tgithub.com/opencontainers/runc'

  test('its module’s version, or what its linker was told', () => {
    expect(findBuildInfo(buildInfo(path, 'mod\tgithub.com/opencontainers/runc\tv1.2.4\t'))).toEqual({
      path: 'github.com/opencontainers/runc',
      version: 'v1.2.4',
    })
    const flags = 'build\t-ldflags="-w -X main.gitCommit=v1.1.12-0-g51d5e946 -X main.version=1.1.12"'
    expect(findBuildInfo(buildInfo(path, 'mod\tgithub.com/opencontainers/runc\t(devel)\t', flags))).toMatchObject({
      version: '1.1.12',
    })
    expect(findBuildInfo(buildInfo(path, 'build\t-trimpath=true'))).toMatchObject({ version: null })
  })

  test('is taken for the program that its path names', () => {
    const told = (path: string, version: string | null) =>
      versionsOf([], undefined, new FakeFiles({}), [{ file: '/usr/bin/runc', path, version }])
    expect(told('github.com/opencontainers/runc', 'v1.1.11')).toMatchObject([
      { program: 'runc', version: 'v1.1.11', source: 'what /usr/bin/runc was built from', distributed: false },
    ])
    expect(told('github.com/evil/runc', 'v1.1.11')).toEqual([])
    expect(told('github.com/opencontainers/runc', null)).toEqual([])
  })

  test('of any bytes is found or not, without an error', () => {
    const whole = buildInfo(path, 'mod\tgithub.com/opencontainers/runc\tv1.2.4\t')
    expect(findBuildInfo(whole.subarray(0, 100))).toBeNull()
    expect(findBuildInfo(whole.subarray(1))).toBeNull()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(whole.length - 1), (bytes, at) => {
        const broken = Buffer.from(whole)
        broken.set(bytes.subarray(0, broken.length - at), at)
        const found = findBuildInfo(broken)
        return found === null || typeof found.path === 'string'
      }),
    )
  })
})
