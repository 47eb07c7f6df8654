import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Engine, type Reporter } from '../../dist/src/engine/engine.js'
import { addUserPlugin } from '../../dist/src/engine/load.js'
import { byDefault } from '../../dist/src/engine/plan.js'
import { Registry } from '../../dist/src/engine/registry.js'
import { sampleImage } from '../../dist/src/sample.js'

const FAILING = `import { defineAnalyzer, text } from 'salvor'
import { listedPlacedTasks } from 'salvor/containers'
export default defineAnalyzer({
  name: 'failing', area: 'own', summary: 'Reads and fails', columns: { value: text('A value') },
  *run({ kernel }) { throw new Error('after ' + listedPlacedTasks(kernel).length) },
})
`

const IMAGES = 60
/** One open image keeps about 20 MB of symbols and types; all of them would keep more than a gigabyte. */
const MOST_GROWTH = 200 << 20

test(`${IMAGES} images with tables that fail are given back, and no listener stays`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'salvor-given-back-'))
  const noise: unknown[] = []
  const hear = (warning: Error): void => void noise.push(warning)
  process.on('warning', hear)
  writeFileSync(join(directory, 'failing.mjs'), FAILING)
  const registry = Registry.builtin()
  await addUserPlugin(registry, './failing.mjs', directory)
  const engine = new Engine(registry, new AbortController().signal, { threads: 2 })
  const failures: string[] = []
  const reporter: Reporter = {
    progress() {},
    log() {},
    warnings() {},
    failure: (_analyzer, { message }) => failures.push(message),
  }
  const sink = { rows: async () => {}, end: async () => {} }
  const tables = ['processes', 'threads', 'failing', 'namespaces'].map((name) => byDefault(registry.get(name)))
  const one = async (): Promise<void> => {
    const image = await engine.open(sampleImage(), { cacheDir: directory })
    await engine.run(image, tables, sink, reporter)
    await engine.closeImage(image)
  }
  try {
    for (let count = 0; count < 10; count++) await one()
    const before = process.memoryUsage().rss
    for (let count = 0; count < IMAGES; count++) await one()
    expect(process.memoryUsage().rss - before).toBeLessThan(MOST_GROWTH)
    expect(failures).toHaveLength(IMAGES + 10)
    expect(new Set(failures)).toEqual(new Set([failures[0]]))
    expect(failures[0]).toMatch(/^after \d\d+$/)
    expect(noise).toEqual([])
  } finally {
    process.off('warning', hear)
    await engine.close()
    rmSync(directory, { recursive: true })
  }
}, 120_000)
