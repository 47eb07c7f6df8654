/** What the built-in analyzers ask of a kernel, held against kernels' types: `npm run layouts`. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { repository } from './cli/run.js'

const index = join(repository, 'dist/bundle/plugins/index.json')
const ANALYZERS = (JSON.parse(readFileSync(index, 'utf8')) as { name: string }[]).map(({ name }) => name)
/** Of next to nothing that may be left out of a kernel. */
const SMALL = 'small-6.12'
const BTF = process.env.SALVOR_BTF || join(repository, '..', 'shared', 'btf')

// The first runs all analyzers several times, beside other tests.
vi.setConfig({ testTimeout: 600_000 })

/** What the analyzers ask, heard once for all tests. */
let requests: string
let folder: string
beforeAll(() => {
  requests = join(mkdtempSync(join(tmpdir(), 'salvor-requests-')), 'requests.json')
})
afterAll(() => rmSync(dirname(requests), { recursive: true }))
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-layouts-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function layouts(...folders: string[]): { code: number | null; stdout: string; stderr: string } {
  const args = [join(repository, 'scripts/layouts/report.mjs'), '--requests', requests, ...folders]
  const env = { ...process.env, SALVOR_BTF: join(folder, 'none') }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
  return { code: status, stdout, stderr }
}

/** The cells of a kernel's row. */
function row(stdout: string, kernel: string): string[] | undefined {
  const cells = stdout.split('\n').map((line) => line.split(/ +/))
  return cells.find(([first]) => first === kernel)?.slice(1)
}

/** A section of BTF whose only types are structs without members. */
function btf(...structs: string[]): Buffer {
  const strings = Buffer.from(`\0${structs.map((name) => `${name}\0`).join('')}`)
  const types = structs.flatMap((name) => [strings.indexOf(`\0${name}\0`) + 1, 4 << 24, 8])
  const words = [0x0001_eb9f, 24, 0, types.length * 4, types.length * 4, strings.length, ...types]
  return Buffer.concat([Buffer.from(Uint32Array.from(words).buffer), strings])
}

test('the kernels of the samples have all that any analyzer asks, and all of it was asked', () => {
  const { code, stdout } = layouts()
  const [said, , head] = stdout.split('\n')
  expect(said).toBe(`${join(folder, 'none')} is not there: only the samples' kernels`)
  expect(head?.trim().split(/ +/)).toEqual(ANALYZERS)
  for (const kernel of ['5.10.0-46-cloud-amd64', '6.1.0-56-cloud-amd64', '6.12.117+deb13-cloud-amd64', SMALL]) {
    // Partial is what asks for members that one or the other kernel has; scripts/layouts/allowed/ says which, and why.
    const cells = row(stdout, kernel) ?? []
    expect(cells).toHaveLength(ANALYZERS.length)
    for (const cell of cells) expect(['whole', 'partial']).toContain(cell)
    for (const name of ['processes', 'containers', 'cgroups'])
      expect(cells[ANALYZERS.indexOf(name)], name).toBe('whole')
  }
  expect(stdout).not.toMatch(/^(MISSING|NOT ASKED)/m)
  expect(code).toBe(0)
})

test('kernels that nobody booted have it too, or the reason is given', ({ skip }) => {
  skip(!existsSync(BTF), `no kernels' types in SALVOR_BTF`)
  skip(spawnSync('zstd', ['--version']).status !== 0, 'zstd is not installed')
  const { code, stdout, stderr } = layouts(BTF)
  expect(stderr).toBe('')
  expect(stdout).not.toMatch(/^(MISSING|NOT ASKED)/m)
  for (const file of readdirSync(BTF).filter((name) => name.endsWith('.btf.zst'))) {
    const cells = row(stdout, file.slice(0, -'.btf.zst'.length))
    expect(cells, file).toHaveLength(ANALYZERS.length)
    expect(cells, file).not.toContain('none')
  }
  expect(code).toBe(0)
})

test('a member that is missing without a reason is named, and fails', () => {
  writeFileSync(join(folder, 'empty.btf'), btf('task_struct'))
  const { code, stdout } = layouts(folder)
  const cells = row(stdout, 'empty') ?? []
  expect(cells).toHaveLength(ANALYZERS.length)
  // One that asks only for what may be missing is not among these.
  for (const name of ['processes', 'containers', 'cgroups', 'open-files', 'sockets']) {
    expect(cells[ANALYZERS.indexOf(name)], name).toBe('none')
  }
  expect(stdout).toMatch(
    /^MISSING.*\n {2}in empty\n(?: .*\n)* {2}no answer: column 'tid' of struct task_struct: tried 'pid' \(struct task_struct has no member 'pid'\)/m,
  )
  expect(code).toBe(1)
})

test('a reason is none where the kernel has what should come with the member', () => {
  const ofProxy = (stdout: string) => {
    const groups = stdout.split('\n\n').filter((group) => group.includes("no member 'time_ns'"))
    return groups.map((group) => group.split('\n')[0])
  }
  writeFileSync(join(folder, 'own.btf'), btf('nsproxy'))
  expect(ofProxy(layouts(folder).stdout)).toEqual(['missing: time namespaces came with 5.6'])
  writeFileSync(join(folder, 'own.btf'), btf('nsproxy', 'time_namespace'))
  expect(ofProxy(layouts(folder).stdout)).toEqual([expect.stringMatching(/^MISSING/)])
})

test('what is no section of BTF is refused by its name', () => {
  writeFileSync(join(folder, 'cut.btf'), btf('task_struct').subarray(0, 30))
  expect(layouts(folder)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^salvor: cut: .*\n$/) })
  expect(layouts(join(folder, 'none')).stderr).toMatch(
    /^salvor: there is no BTF in .*none: no .btf, .btf.gz or .btf.zst\n$/,
  )
})
