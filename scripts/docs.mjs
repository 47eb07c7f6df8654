// npm run docs: what README and docs/analyzers/ say of the analyzers, made anew from their declarations.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, root } from './lib.mjs'
import { prepare } from './steps.mjs'

await prepare()
// Only now is there a build to import.
const { indexPage, pageOf, readmeTable } = await import('./docs/pages.mjs')
const { Registry } = await import('../dist/src/engine/registry.js')

const analyzers = Registry.builtin().list()
const folder = join(root, 'docs', 'analyzers')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'README.md'), indexPage(analyzers))
for (const analyzer of analyzers) writeFileSync(join(folder, `${analyzer.name}.md`), pageOf(analyzer))

const { builtinRules } = await import('../dist/plugins/rules/index.js')
const { rulesPage } = await import('./docs/rules.mjs')
const { readTallies } = await import('./docs/tallies.mjs')
writeFileSync(join(root, 'docs', 'rules.md'), rulesPage(builtinRules, readTallies()))

const readme = join(root, 'README.md')
const [begin, end] = ['<!-- analyzers -->\n', '<!-- /analyzers -->']
const text = readFileSync(readme, 'utf8')
const [from, to] = [text.indexOf(begin), text.indexOf(end)]
if (from < 0 || to < from) fail(`README.md has no place for the list of analyzers: ${begin}${end}`)
writeFileSync(readme, `${text.slice(0, from)}${begin}${readmeTable(analyzers)}${text.slice(to)}`)
