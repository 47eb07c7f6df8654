import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { repository } from '../cli/run.js'

/** What each example of docs/library.md prints. */
const PRINTED = [/^6\.1\.\S+ true\nsystemd\n$/, /^true\n$/, /^true address: Uint64\n$/, /^INTERRUPTED\n$/]

const page = readFileSync(join(repository, 'docs', 'library.md'), 'utf8')
const examples = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-library-'))
  copyFileSync(sampleImage(), join(folder, 'memory.lime'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('the page has examples, and each says what it prints', () => {
  expect(examples).toHaveLength(PRINTED.length)
})

test.each(examples.map((code, index) => [index + 1, code] as const))(
  'example %i of the page runs as it stands',
  async (at, code) => {
    // The repository resolves its own name, and its packages.
    const path = join(repository, '.salvor', `example-${at}-${process.pid}.mjs`)
    writeFileSync(path, code)
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [path], { cwd: folder })
      expect(stdout).toMatch(PRINTED[at - 1] ?? /^$/)
    } finally {
      rmSync(path)
    }
  },
)
