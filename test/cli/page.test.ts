/** The page about one container or pod. */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { sharedImages } from '../truth/images.js'
import { repository } from './run.js'

function salvor(...args: string[]) {
  const options = { cwd: repository, encoding: 'utf8', maxBuffer: 1 << 28 } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/salvor.cjs', ...args], options)
  return { code: status, stdout, stderr }
}

test('a container has a page of the parts that have rows, and only its own', () => {
  const { stdout, code } = salvor('container', 'corp-batch', sampleImage(), '-q')
  // The sample lacks pages of some of the parts.
  expect([0, 5]).toContain(code)
  expect(stdout.startsWith('containers\n')).toBe(true)
  // Whose page it is, with the source of each value.
  expect(stdout).toMatch(/^containers\nid +[0-9a-f]{64} {2}\(cgroup path\)\nname +corp-batch {2}\(config\.v2\.json\)$/m)
  expect(stdout).toContain('\nprocess-tree\n')
  expect(stdout).toContain('/memfd:cfg (deleted)')
  expect(stdout).not.toContain('shop-web-1')
  expect(stdout).not.toContain('published-ports')
})

test('its JSON is that of several tables', () => {
  const { stdout } = salvor('container', 'corp-batch', sampleImage(), '-q', '-f', 'json')
  const tables = JSON.parse(stdout) as { table: string; rows: unknown[] }[]
  expect(tables.map(({ table }) => table)).toContain('drift')
  expect(tables.find(({ table }) => table === 'containers')?.rows).toHaveLength(1)
})

test.each([
  ['a container that is not there', ['container', 'nobody', sampleImage()], 'no container is called nobody'],
  ['a pod that is not there', ['pod', 'nobody', sampleImage()], 'no pod is called nobody'],
  ['one CSV', ['container', 'corp-batch', sampleImage(), '-f', 'csv'], 'container has many tables: use json or ndjson'],
])('%s is told', (_, args, message) => {
  const { code, stderr } = salvor(...args)
  expect(code).toBe(2)
  expect(stderr).toContain(message)
})

const [docker, kubernetes] = sharedImages()

test('a pod has one page with all its containers', ({ skip }) => {
  skip(kubernetes === undefined || kubernetes.missing, 'the shared image k8s-debian13 is not in SALVOR_IMAGES')
  const { stdout } = salvor('pod', 'checkout-775494b78b-449ph', kubernetes?.as('elf') ?? '', '-q', '-f', 'json')
  const tables = JSON.parse(stdout) as { table: string; rows: { name: string }[] }[]
  const names = tables.find(({ table }) => table === 'containers')?.rows.map(({ name }) => name)
  expect(names?.sort()).toEqual(['checkout-775494b78b-449ph', 'frontend', 'init-config', 'log-tailer'])
  expect(tables[0]).toMatchObject({
    table: 'pods',
    rows: [{ name: 'checkout-775494b78b-449ph', namespace: 'payments' }],
  })
})

test('the files of a container are written beside its page', ({ skip }) => {
  skip(docker === undefined || docker.missing, 'the shared image docker-debian12 is not in SALVOR_IMAGES')
  const folder = mkdtempSync(join(tmpdir(), 'salvor-page-'))
  try {
    salvor('container', 'corp-batch', docker?.as('elf') ?? '', '-q', '-d', join(folder, 'out'))
    const files = readdirSync(join(folder, 'out'), { recursive: true }).map(String)
    const marker = files.find((file) => file.endsWith('opt/drop/marker.txt')) ?? ''
    expect(readFileSync(join(folder, 'out', marker), 'utf8')).toContain('LAB-MARKER-CONTAINER')
    expect(files).toContain('checkpoint-corp-batch.tar')
    // Every file is in the manifest, with its hash.
    const lines = readFileSync(join(folder, 'out', 'SHA256SUMS'), 'utf8')
      .trimEnd()
      .split('\n')
    const written = files.filter((file) => statSync(join(folder, 'out', file)).isFile() && file !== 'SHA256SUMS')
    expect(lines.map((line) => line.slice(66)).sort()).toEqual(written.sort())
    for (const line of lines.filter((each) => each.endsWith('.tar') || each.endsWith(marker))) {
      const bytes = readFileSync(join(folder, 'out', line.slice(66)))
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(line.slice(0, 64))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
