/** What is searched for is found in every place where the guests put it, with what the place is and who pays for it. */

import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { cacheHome, SALVOR, sharedImage, table } from './images.js'

type Row = Record<string, unknown>

interface Planted {
  name: string
  pids?: number[]
  container?: string
  marker?: string
  pattern?: string
  content?: string
  path?: string
}

describe('the shared image docker-debian12', () => {
  const image = sharedImage('docker-debian12')
  image.require()

  const planted = (name: string) => image.truth<Planted[]>('planted.json').find((one) => one.name === name) as Planted
  const search = (...options: string[]): Row[] => table('search', image.as('elf'), ...options).rows

  it('finds each planted marker in its file, and for whom it was written', () => {
    const files = {
      'marker-host': null,
      'marker-container': 'corp-batch',
      'cron-file': null,
      'unlinked-open-file': null,
    }
    const wanted = Object.entries(files).map(([name, container]) => {
      const { marker, content, path } = planted(name)
      return { text: marker ?? String(content).replace(/ line N$/, ''), path: String(path), container }
    })
    const rows = search(...wanted.flatMap(({ text }) => ['--text', text]), '--most', '100000')
    for (const { text, path, container } of wanted) {
      const there = rows.filter(({ pattern, what }) => pattern === text && String(what).includes(path))
      expect(there.length, path).toBeGreaterThan(0)
      for (const row of there) {
        expect(row).toMatchObject({ kind: 'page cache', match: text, length: text.length, container_name: container })
      }
    }
    const unlinked = rows.find(({ what }) => String(what).includes('/var/tmp/.cache-db'))
    expect(unlinked?.what).toMatch(/ \(deleted\)$/)
  })

  it('finds the same by its digits and by an expression, and in the file alone', () => {
    const { marker = '', path = '' } = planted('cron-file')
    const hex = Buffer.from(marker).toString('hex')
    const open = `${hex.slice(0, 4)}??${hex.slice(6, 20)}[2]${hex.slice(24)}`
    const expression = marker.replace('MARKER', '[A-Z]{6}')
    const rows = search('--text', marker, '--hex', hex, '--hex', open, '--regex', expression)
    const [first = [], ...same] = [marker, hex, open, expression].map((asked) =>
      rows
        .filter(({ pattern }) => pattern === asked)
        .map(({ physical, length, kind, what }) => ({ physical, length, kind, what })),
    )
    expect(first.length).toBeGreaterThan(0)
    for (const others of same) expect(others).toEqual(first)
    const inFile = search('--text', marker, '--path', path)
    expect(inFile.length).toBeGreaterThan(0)
    for (const row of inFile) expect(row).toMatchObject({ kind: 'page cache', what: path, match: marker })
  })

  it('finds what a process has in memory that no file has', () => {
    const { pattern = '', pids = [], container } = planted('rwx-mapping')
    const own = search('--text', pattern, '--process', String(pids[0]))
    const [mapped] = own.filter(({ address }) => BigInt(String(address)) % 4096n === 0x100n)
    expect(mapped).toMatchObject({ kind: 'anonymous', pid: pids[0], container_name: container, match: pattern })
    expect(String(mapped?.context)).toContain(pattern)
    const inContainer = search('--text', pattern, '--in-container', String(container))
    expect(inContainer).toEqual(expect.arrayContaining(own))
  })

  it('says what it leaves out, and refuses what nobody can search for', () => {
    const run = (...options: string[]) =>
      spawnSync(process.execPath, [SALVOR, 'search', image.as('elf'), ...options, '--format', 'json'], {
        encoding: 'utf8',
        env: { ...process.env, XDG_CACHE_HOME: cacheHome() },
      })
    const few = run('--text', 'systemd', '--most', '5')
    expect([few.status, JSON.parse(few.stdout).rows.length]).toEqual([6, 5])
    expect(run('--hex', '4').stderr).toContain("'4' is not bytes in hexadecimal")
    expect(run('--regex', '(ab').stderr).toContain('unclosed group')
    expect(run().stderr).toContain('makes no table without --text, --hex or --regex')
  })
})
