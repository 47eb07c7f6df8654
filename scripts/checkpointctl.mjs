// A reader of checkpoint archives for tests: checkpointctl, one that is installed or one that Go builds into a folder once.
import { goProgram } from './go-program.mjs'

const PROGRAM = {
  module: 'github.com/checkpoint-restore/checkpointctl@v1.6.0',
  name: 'checkpointctl',
}

/** The program to start, or the reason why there is none. Only `build` takes the minutes to make it. */
export function findCheckpointctl(options) {
  return goProgram(PROGRAM, options)
}
