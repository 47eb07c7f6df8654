import { randomBytes } from 'node:crypto'
import type { CaseStore } from '../../case/store.js'
import type { BatchId } from './queued.js'

const ID_BYTES = 8

/** What a case calls its jobs by in a queue, as long as it lives: whoever goes on with it finds what its workers did. */
export async function batchId({ database }: CaseStore): Promise<BatchId> {
  await database.run('CREATE TABLE IF NOT EXISTS queue_ids (id VARCHAR NOT NULL)')
  const [known] = await database.rows('SELECT id FROM queue_ids')
  if (known !== undefined) return String(known.id)
  const id = randomBytes(ID_BYTES).toString('hex')
  await database.run('INSERT INTO queue_ids VALUES ($1)', [id])
  return id
}
