import { expect, test } from 'vitest'
import type { Lane } from '../../dist/src/engine/lanes.js'
import { Pool } from '../../dist/src/engine/pool.js'
import { repository } from '../cli/run.js'

/** Nothing is open under this number, which is an answer too. */
const task = { kind: 'chunks', image: 0, bytes: 1 << 20 } as const

test('tables of two lanes that share a worker both get on', async () => {
  const pool = new Pool({ threads: 1, backend: `${repository}/test/engine/slow-backend.cjs` })
  try {
    const lanes: Lane[] = [{ worker: null }, { worker: null }]
    let ended = 0
    const serve = async (lane: Lane): Promise<void> => {
      for (let round = 0; round < 20; round++) {
        await pool.ask(task, { lane })
        ended++
      }
    }
    await Promise.all(lanes.map(serve))
    expect(ended).toBe(40)
  } finally {
    await pool.close()
  }
}, 20_000)
