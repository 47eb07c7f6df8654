import { fstatSync } from 'node:fs'
import { SalvorError } from '../engine/errors.js'

let taken = false

/** What comes in by standard input, which can be had once. */
export function standardInput(signal: AbortSignal): AsyncIterable<Uint8Array> {
  if (taken) throw new SalvorError('USAGE', 'standard input is one image: - can be given once')
  if (process.stdin.isTTY)
    throw new SalvorError(
      'USAGE',
      'standard input is a terminal: pipe an image into it, as in: ssh HOST … | salvor info -',
    )
  if (isNothing()) throw new SalvorError('EVIDENCE', 'standard input: nothing is piped into it')
  taken = true
  // Else whoever waits for the next piece would not hear of it.
  const stop = (): void => void process.stdin.destroy(new SalvorError('INTERRUPTED', 'interrupted'))
  signal.addEventListener('abort', stop, { once: true })
  return process.stdin
}

/** /dev/null and a closed descriptor, which a started process has instead. */
function isNothing(): boolean {
  return fstatSync(0).isCharacterDevice()
}
