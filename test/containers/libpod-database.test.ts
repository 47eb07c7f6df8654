/** podman's database, as a guest with podman 5.4 had it: what sqlite3 itself reads of it is said here. */

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readLibpodDatabase } from '../../src/containers/libpod-database.js'
import { readSqliteTable } from '../../src/containers/sqlite.js'

const file = gunzipSync(readFileSync(new URL('./fixtures/podman-db.sql.gz', import.meta.url)))
const RUNNING = '00bd132c6a33a5ce3cc9187ea70ce9ff203953d6a4d46aa3bbb50f6078ca4881'
const CREATED = '8e111455a508d810d745fdb6b6a073cd96e269f222ab6ed61c44e27829ec9603'

describe('podman’s database', () => {
  test('has a row for each container, whose configuration goes on over several pages', () => {
    expect(readSqliteTable(file, 'ContainerConfig')?.map(([, name]) => name)).toEqual([
      'root-app',
      'root-runc',
      'root-exited',
      '133538be4c00-infra',
      'root-member',
    ])
    for (const [, , , json] of readSqliteTable(file, 'ContainerConfig') ?? []) {
      expect(`${json}`.length).toBeGreaterThan(4096)
    }
    expect(readSqliteTable(file, 'PodConfig')).toHaveLength(1)
    expect(readSqliteTable(file, 'VolumeConfig')).toEqual([])
    expect(readSqliteTable(file, 'Nothing')).toBeNull()
  })

  test('says what each was made as, and what became of it', () => {
    const containers = readLibpodDatabase(file)
    expect(containers?.size).toBe(5)
    expect(containers?.get(RUNNING)).toMatchObject({
      name: 'root-runc',
      image: 'localhost/corp/box:1',
      command: ['sleep', '87042'],
      state: 'running',
      started: '2026-11-30T10:47:48.844621Z',
      finished: null,
      exit_code: null,
      privileged: false,
    })
    expect(containers?.get(CREATED)).toMatchObject({
      name: 'root-app',
      hostname: 'root-app',
      labels: new Map([['team', 'core']]),
      networks: ['podman'],
      created: '2026-11-30T10:47:32.998680Z',
      state: 'created',
      started: null,
    })
  })

  test('of which pages are missing has the others’ rows, and nothing else', () => {
    const whole = readLibpodDatabase(file)
    const pages = file.length / 4096
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: pages - 1 }), { maxLength: pages }), (missing) => {
        const part = Buffer.from(file)
        for (const page of missing) part.fill(0, page * 4096, (page + 1) * 4096)
        for (const [id, container] of readLibpodDatabase(part) ?? []) {
          const { name, image, command } = whole?.get(id) ?? {}
          expect(container).toMatchObject({ name, image, command })
        }
      }),
      { numRuns: 50 },
    )
  })

  test('of which every cell leads to the same long row is read in bounds', () => {
    const [page, row] = [65_536, 4 << 20]
    const made = Buffer.alloc(page * 2 + row * 2)
    made.write('SQLite format 3\0', 'latin1')
    made.writeUInt16BE(1, 16)
    // A leaf of cells at one place, of which each claims four MiB in a chain of one page.
    made.writeUInt8(13, 100)
    made.writeUInt16BE(30_000, 103)
    for (let cell = 0; cell < 30_000; cell++) made.writeUInt16BE(62_000, 108 + cell * 2)
    made.set([0x82, 0x80, 0x80, 0x00, 1], 62_000)
    made.writeUInt32BE(2, page)
    const before = process.memoryUsage().arrayBuffers
    expect(readSqliteTable(made, 'x')).toBeNull()
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(256 << 20)
  })

  test('that somebody has written over is read without an error', () => {
    expect(readLibpodDatabase(new Uint8Array())).toBeNull()
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.uint8Array({ minLength: 1, maxLength: 64 }), (at, bytes) => {
        const changed = Buffer.from(file)
        changed.set(bytes.subarray(0, file.length - at), at)
        readLibpodDatabase(changed)
      }),
      { numRuns: 100 },
    )
  })
})
