// npm run bench: what bench/ measures, on a fresh build.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fail, root, run } from './lib.mjs'
import { prepare } from './steps.mjs'

await prepare()
const entry = 'bench/main.mjs'
if (!existsSync(join(root, entry))) fail(`there is no ${entry}`)
const { code } = await run(process.execPath, [entry, ...process.argv.slice(2)])
process.exitCode = code
