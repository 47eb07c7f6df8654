import { printable } from '../output/escape.js'
import { jsonLog } from './json-log.js'
import type { World } from './world.js'

type Facts = Readonly<Record<string, unknown>>
export type Say = (level: 'info' | 'error', message: string, facts: Facts) => void

/** Lines of JSON for whoever collects logs; for people, lines. */
export function sayTo(world: World): Say {
  if (world.stderr.isTTY === true) {
    return (_level, message, facts) => {
      const told = Object.entries(facts).map(([name, value]) => `${name} ${value}`)
      world.stderr.write(`${printable(`${message}${told.length === 0 ? '' : `: ${told.join(', ')}`}`)}\n`)
    }
  }
  const log = jsonLog(world, { pid: process.pid })
  return (level, message, facts) => log[level](facts, message)
}
