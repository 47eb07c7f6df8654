/** What a queue keeps of itself in Redis, beside its jobs. */

import type { Redis } from 'ioredis'

const PREFIX = 'bull'
const LISTS = ['wait', 'paused', 'active']
const SETS = ['completed', 'failed', 'delayed', 'prioritized', 'waiting-children']
const KEPT = ['meta', 'events', 'id', 'marker', 'stalled', 'stalled-check', 'pc']

/** Takes the rest away where no batch has a job in the queue; whoever comes next makes it anew. In one step, so that none is lost. */
const TIDY = `
for index, key in ipairs(KEYS) do
  if index <= ${LISTS.length} then
    if redis.call('LLEN', key) > 0 then return 0 end
  elseif index <= ${LISTS.length + SETS.length} then
    if redis.call('ZCARD', key) > 0 then return 0 end
  else
    redis.call('DEL', key)
  end
end
return 1
`

export async function tidy(client: Redis, queue: string): Promise<void> {
  const keys = [...LISTS, ...SETS, ...KEPT].map((key) => `${PREFIX}:${queue}:${key}`)
  await client.eval(TIDY, keys.length, ...keys)
}
