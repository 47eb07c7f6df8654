import type { BatchReporter } from '../batch/batch.js'
import { SalvorError } from '../engine/errors.js'
import { exitCodes } from '../engine/status.js'
import { choice } from '../engine/words.js'
import { type EventKind, eventKinds, eventsOf } from '../hooks/event.js'
import type { Hook, Hooks } from '../hooks/hooks.js'
import { require } from '../require.js'
import type { Option } from './command.js'
import { optionalNumber, singleOption } from './options.js'
import type { Say } from './say.js'
import type { World } from './world.js'

type Raw = Readonly<Record<string, unknown>>

/** Seconds. */
const DEFAULT_TIMEOUT = 30
/** The word that stands for `SALVOR_HOOK_URL`, which `ps` does not show. */
const FROM_ENVIRONMENT = 'env'

export const hookOptions: readonly Option[] = [
  {
    name: 'hook',
    value: 'URL|COMMAND',
    repeatable: true,
    summary:
      'Tell a server, or a command on its input, how images end (docs/pipelines.md); env: what SALVOR_HOOK_URL says',
  },
  {
    name: 'hook-on',
    value: 'A,B',
    summary: `What hooks are told of: ${eventKinds.join(', ')} (default: all)`,
  },
  {
    name: 'hook-timeout',
    value: 'N',
    summary: `Seconds that a hook may take each time (default: ${DEFAULT_TIMEOUT})`,
  },
]

function kindsOf(raw: Raw): ReadonlySet<EventKind> {
  const asked = singleOption(raw.hookOn)
  if (asked === undefined) return new Set(eventKinds)
  return new Set(asked.split(',').map((word) => choice('--hook-on', word.trim(), eventKinds)))
}

/** What a hook's command need not know. */
function commandEnvironment(env: World['env']): World['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(?:REDIS_|SALVOR_HOOK_)/.test(name)))
}

/** The hooks that are asked for; undefined where there are none. */
export async function readHooks(raw: Raw, world: World, say: Say, signal = world.signal): Promise<Hooks | undefined> {
  const kinds = kindsOf(raw)
  const timeout = (optionalNumber('--hook-timeout', raw.hookTimeout) ?? DEFAULT_TIMEOUT) * 1000
  const words = [raw.hook ?? []].flat().map(String)
  if (words.length === 0) return undefined
  const [{ Hooks: Class }, { webhook }, { command }] = await Promise.all([
    import('../hooks/hooks.js'),
    import('../hooks/webhook.js'),
    import('../hooks/command.js'),
  ])
  const { SALVOR_HOOK_KEY: key = '', SALVOR_HOOK_URL: hidden = '' } = world.env
  const hooks = words.map((word): Hook => {
    const text = word === FROM_ENVIRONMENT ? hidden : word
    if (text.trim() === '') throw new SalvorError('USAGE', `--hook ${word}: there is nothing in it`)
    if (/^https?:/i.test(text)) return webhook({ url: text, timeout, ...(key === '' ? {} : { key }) })
    return command({ command: text, directory: world.directory, env: commandEnvironment(world.env), timeout })
  })
  const { randomUUID } = require('node:crypto') as typeof import('node:crypto')
  return new Class(hooks, {
    kinds,
    signal,
    newId: randomUUID,
    failed: (hook, { event, image }, why) => say('error', 'hook failed', { hook, event, path: image.path, why }),
  })
}

/** How it went, for people. */
export function hooksSummary({ delivered, failures }: Hooks): string {
  return `hooks were told ${delivered} times${failures === 0 ? '' : `, and failed ${failures} times`}`
}

/** A reporter that tells hooks, too. What was in the case before they have been told of. */
export function withHooks(reporter: BatchReporter, hooks: Hooks | undefined, folder: string): BatchReporter {
  if (hooks === undefined) return reporter
  return {
    begin: (images) => reporter.begin(images),
    progress: (path, task, done, total) => reporter.progress(path, task, done, total),
    end: (image) => {
      reporter.end(image)
      const isInterrupted = image.outcome?.kind === 'lost' && image.exitCode === exitCodes.interrupted
      if (!image.known && !isInterrupted) hooks.tell(eventsOf(folder, image))
    },
  }
}
