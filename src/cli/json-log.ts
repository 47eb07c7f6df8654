import type { Logger } from 'pino'
import { printableJson } from '../output/escape.js'
import { require } from '../require.js'
import type { World } from './world.js'

/** Lines of JSON on stderr, for whoever collects logs; each has `base` in it. */
export function jsonLog(world: World, base: Readonly<Record<string, unknown>> | null): Logger {
  const pino = require('pino') as typeof import('pino')
  return pino({ base }, { write: (line) => void world.stderr.write(`${printableJson(line.trimEnd())}\n`) })
}
