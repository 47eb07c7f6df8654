// Writes plugins/rules/index.ts: all built-in rules in one list, by tactic. A rule is added by adding its file.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { filesBelow, root } from './lib.mjs'

const INDEX = 'plugins/rules/index.ts'

/** `plugins/rules/execution/reverse-shell.ts` as `reverseShell`. */
function identifier(file) {
  return basename(file, '.ts').replace(/-(\w)/g, (_, letter) => letter.toUpperCase())
}

export function indexRules() {
  const files = filesBelow(['plugins/rules']).filter((file) => file !== INDEX)
  const imports = files.map((file) => {
    const from = file.replace('plugins/rules/', './').replace(/\.ts$/, '.js')
    return `import ${identifier(file)} from '${from}'`
  })
  const list = files.map((file) => `  ${identifier(file)},`)
  const text = [
    '// Made by scripts/index-rules.mjs at each build: add a rule by adding its file.',
    "import type { Rule } from 'salvor'",
    ...imports,
    '',
    'export const builtinRules: readonly Rule[] = [',
    ...list,
    ']',
    '',
  ].join('\n')
  const path = join(root, INDEX)
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text)
}
