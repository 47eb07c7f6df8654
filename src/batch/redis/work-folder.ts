/** Where a worker's children write. One that was killed leaves its folder to whoever starts next on the machine. */

import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const NAME = /^salvor-worker-(\d+)-(\d+)-(\d+)-\w+$/
/** Of what follows a process's name in /proc/PID/stat, when it was started (proc_pid_stat(5), field 22). */
const START_FIELD = 19

/** When a process was started, in ticks since boot; undefined where there is none. */
function started(pid: string): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[START_FIELD]
  } catch {
    return undefined
  }
}

/** Process ids mean something in one PID namespace. */
function namespace(): string {
  return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'
}

export function makeWorkFolder(): string {
  const own = namespace()
  for (const name of readdirSync(tmpdir())) {
    const [, where, pid = '', start] = NAME.exec(name) ?? []
    const path = join(tmpdir(), name)
    if (where !== own || started(pid) === start || lstatSync(path).uid !== process.getuid?.()) continue
    rmSync(path, { recursive: true, force: true })
  }
  return mkdtempSync(join(tmpdir(), `salvor-worker-${own}-${process.pid}-${started(String(process.pid)) ?? 0}-`))
}
