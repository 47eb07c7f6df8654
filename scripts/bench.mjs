// npm run bench, npm run bench:peers: what bench/ measures, on a fresh build.
import { run } from './lib.mjs'
import { prepare } from './steps.mjs'

const [, , file, ...rest] = process.argv
await prepare()
const { code } = await run(process.execPath, ['--import', 'jiti/register', `bench/${file}.ts`, ...rest])
process.exitCode = code
