// npm run demo: the main job on the sample inside the repository.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fail, filesBelow, root, run } from './lib.mjs'
import { prepare } from './steps.mjs'

await prepare()
const sample = filesBelow(['test/samples']).find((file) => file.endsWith('.lime'))
if (sample === undefined || !existsSync(join(root, sample))) fail('there is no sample image below test/samples')
for (const analyzer of ['info', 'containers', 'processes']) {
  process.stdout.write(`\n$ npx salvor ${analyzer} ${sample}\n`)
  const { code } = await run(process.execPath, ['bin/salvor.mjs', analyzer, sample])
  // A sample holds only the pages that analyzers need: a warning about the rest is no failure.
  if (code !== 0 && code !== 5) process.exitCode = code
}
