// Writes dist/plugins/index.json: the declarations of all built-in analyzers, so that a run loads only the one it needs.
import { readdirSync, writeFileSync } from 'node:fs'

const directory = new URL('../dist/plugins/', import.meta.url)
const { analyzersOf } = await import('../dist/src/engine/validate.js')
const { declarationOf } = await import('../dist/src/engine/load.js')

const entries = []
for (const file of readdirSync(directory).sort()) {
  if (!file.endsWith('.js')) continue
  const module = await import(new URL(file, directory).href)
  for (const analyzer of analyzersOf(module, `plugins/${file}`)) entries.push({ ...declarationOf(analyzer), file })
}
writeFileSync(new URL('index.json', directory), `${JSON.stringify(entries)}\n`)
