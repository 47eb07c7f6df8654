// npm run bench: what bench/ measures, on a fresh build.
import { run } from './lib.mjs'
import { prepare } from './steps.mjs'

await prepare()
const { code } = await run(process.execPath, ['--import', 'jiti/register', 'bench/main.ts', ...process.argv.slice(2)])
process.exitCode = code
