// The page of reports: one HTML file with its script and style in it, and a place for data. Its policy lets a browser run
// and apply these two by their hashes and nothing else, whatever the data holds.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { root } from './lib.mjs'

const page = (file) => join(root, 'src/report/page', file)

async function script() {
  const build = await rolldown({
    input: page('main.ts'),
    platform: 'browser',
    // Sources name each other as the compiler's output does.
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
  })
  const { output } = await build.generate({ format: 'iife', minify: true })
  const [{ code }] = output
  // A script ends where the parser of HTML says, not that of JavaScript.
  if (/<\/script|<!--/i.test(code)) throw new Error('the script of the page of reports ends itself')
  return code
}

function hash(text) {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

/** The page, as it stands in the build. */
export async function pageOfReports() {
  const code = await script()
  const style = readFileSync(page('style.css'), 'utf8')
  const policy = [
    "default-src 'none'",
    `script-src ${hash(code)}`,
    `style-src ${hash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
    // Not even the page's own script can make HTML out of a text.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  const parts = { policy, style: `<style>${style}</style>`, script: `<script>${code}</script>` }
  return readFileSync(page('page.html'), 'utf8').replace(/<!--(policy|style|script)-->/g, (_, name) => parts[name])
}
