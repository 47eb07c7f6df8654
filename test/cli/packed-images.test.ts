/** Images that are compressed or in an archive: unpacked once, into the cache folder, and then read like any other. */

import { spawnSync } from 'node:child_process'
import { appendFileSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { SALVOR } from '../truth/images.js'
import { repository } from './run.js'

const PACKED = join(repository, 'test/samples/docker-debian12/memory.lime.gz')
const EVIDENCE = 3

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-packed-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
})

function salvor(...args: string[]) {
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') }
  return spawnSync(process.execPath, [SALVOR, ...args], { cwd: folder, encoding: 'utf8', env, maxBuffer: 1 << 26 })
}

function unpacked(): string[] {
  return readdirSync(join(folder, 'cache/salvor/unpacked'))
}

describe('a compressed image', () => {
  it('gives what the image itself gives, and is unpacked once', () => {
    copyFileSync(PACKED, join(folder, 'host.lime.gz'))
    const plain = salvor('processes', sampleImage(), '-f', 'ndjson', '-q')
    expect(plain.stdout.split('\n').length).toBeGreaterThan(50)
    const rows = (text: string) => text.replaceAll(/"image":"[^"]*"/g, '')
    for (const _ of ['unpacks it', 'finds it']) {
      const packed = salvor('processes', 'host.lime.gz', '-f', 'ndjson', '-q')
      expect([packed.status, packed.stderr, rows(packed.stdout)]).toEqual([0, '', rows(plain.stdout)])
      expect(unpacked()).toHaveLength(1)
    }
    const [info] = JSON.parse(salvor('info', 'host.lime.gz', '-f', 'json').stdout).rows
    expect(info).toMatchObject({ format: 'lime', unpacked_from: 'host.lime.gz' })
    // Another file by the same name is another image.
    appendFileSync(join(folder, 'host.lime.gz'), 'more')
    salvor('info', 'host.lime.gz')
    expect(unpacked()).toHaveLength(2)
  })

  it('that is cut off gives what is left, and says so each time', () => {
    const bytes = readFileSync(PACKED)
    writeFileSync(join(folder, 'host.lime.gz'), bytes.subarray(0, bytes.length - 1000))
    for (const _ of ['unpacks it', 'finds it']) {
      const { status, stderr } = salvor('info', 'host.lime.gz')
      expect(stderr).toMatch(/^warning: truncated: compressed with gzip, damaged or cut off: \d+ bytes/)
      expect([4, 5]).toContain(status)
    }
  })

  it('is refused without a cache, with what to do', () => {
    copyFileSync(PACKED, join(folder, 'host.lime.gz'))
    const { status, stderr } = salvor('processes', 'host.lime.gz', '--no-cache')
    expect(status).toBe(EVIDENCE)
    expect(stderr).toMatch(/compressed with gzip.*unpack it with 'gunzip -k'/)
  })
})
