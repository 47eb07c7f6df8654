// Every table of an image by the built command line, and what analyzers say of themselves.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './lib.mjs'

const PARTIAL = 5
const SALVOR = join(root, 'bin', 'salvor.cjs')

/** Runs the command line, and gives way to whatever else the machine does. */
function salvor(args) {
  const { status, stdout, stderr } = spawnSync('nice', ['-n', '10', process.execPath, SALVOR, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  })
  if (status !== 0 && status !== PARTIAL)
    throw new Error(`salvor ${args.join(' ')} ended with ${status}: ${stderr.slice(0, 2000)}`)
  return stdout
}

/** All tables by name, as they are in a file of JSON that is written for it and stays; a table has so many seconds. */
export function tablesOf(image, file, seconds, options = []) {
  salvor(['run', 'all', image, '--quiet', '--timeout', String(seconds), '--force', '--output', file, ...options])
  return new Map(JSON.parse(readFileSync(file, 'utf8')).map((table) => [table.table, table]))
}

/** What analyzers say of themselves. */
export function declarations() {
  return JSON.parse(salvor(['analyzers', '--format', 'json']))
}
