// npm run faults: a batch of 200 images, it and its children killed 100 times at random; then one over a queue, of which
// workers, coordinator and Redis are killed as often. -- IMAGES KILLS SEED for others.
import { run, tool } from './lib.mjs'
import { prepare } from './steps.mjs'

const [images = '200', kills = '100', seed] = process.argv.slice(2)
await prepare()
const env = {
  SALVOR_FAULT_IMAGES: images,
  SALVOR_FAULT_KILLS: kills,
  ...(seed === undefined ? {} : { SALVOR_FAULT_SEED: seed }),
}
const { code } = await run(
  tool('vitest'),
  ['run', '--no-file-parallelism', 'test/batch/faults.test.ts', 'test/batch/queue-faults.test.ts'],
  { env },
)
process.exitCode = code
