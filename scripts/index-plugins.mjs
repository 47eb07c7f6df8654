// Writes dist/bundle/plugins/index.json: the declarations of all built-in analyzers, so that a run loads only the one it needs.
import { readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const directory = new URL('../dist/bundle/plugins/', import.meta.url)
const { pluginOf } = await import('../dist/src/engine/validate.js')
const { declarationOf } = await import('../dist/src/engine/load.js')

const entries = []
for (const file of readdirSync(directory, { recursive: true }).sort()) {
  if (!file.endsWith('.cjs')) continue
  // What is shared by several of them lies beside the areas' folders.
  const [area, name] = file.split('/')
  if (name === undefined) continue
  const module = require(fileURLToPath(new URL(file, directory)))
  for (const analyzer of pluginOf(module, file).analyzers) entries.push({ ...declarationOf(analyzer), area, file })
}
writeFileSync(new URL('index.json', directory), `${JSON.stringify(entries)}\n`)
