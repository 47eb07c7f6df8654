/** What the OCI runtime keeps of a container it started: runc's `state.json`, crun's `status`. */

import { integer, list, type Parsed, parseObject, text, textMap } from './json.js'
import { isoFromText } from './time.js'

export interface RuncState {
  id: string | null
  /** The name of the file that tells all this. */
  source: 'state.json' | 'crun status'
  init_pid: number | null
  /** Clock ticks since boot, as in /proc/PID/stat: tells a reused pid from the container's own. */
  init_start_ticks: number | null
  created: string | null
  rootfs: string | null
  /** Controller → directory; the unified hierarchy's key is the empty string. */
  cgroup_paths: Map<string, string>
  /** Namespace type as runc names it (NEWPID …) → path under /proc. */
  namespace_paths: Map<string, string>
  bundle: string | null
}

export function parseRuncState(content: string): Parsed<RuncState> {
  const parsed = parseObject(content, 'runc state.json')
  if (parsed.value === null) return parsed
  const state = parsed.value
  const init_pid = integer(state, 'init_process_pid')
  const created = text(state, 'created')
  if (init_pid === null && created === null) return { value: null, problem: 'runc state.json: neither pid nor time' }
  const labels = list(state, 'config', 'labels').filter((item) => typeof item === 'string')
  const value: RuncState = {
    id: text(state, 'id'),
    source: 'state.json',
    init_pid: positive(init_pid),
    init_start_ticks: integer(state, 'init_process_start'),
    created: isoFromText(created),
    rootfs: text(state, 'config', 'rootfs'),
    cgroup_paths: textMap(state, 'cgroup_paths'),
    namespace_paths: textMap(state, 'namespace_paths'),
    bundle: labels.find((label) => label.startsWith('bundle='))?.slice('bundle='.length) ?? null,
  }
  return { value, problem: null }
}

export function parseCrunStatus(content: string): Parsed<RuncState> {
  const parsed = parseObject(content, 'crun status')
  if (parsed.value === null) return parsed
  const status = parsed.value
  const pid = integer(status, 'pid')
  const path = text(status, 'cgroup-path')
  if (pid === null && path === null) return { value: null, problem: 'crun status: neither pid nor cgroup' }
  const value: RuncState = {
    id: null,
    source: 'crun status',
    init_pid: positive(pid),
    init_start_ticks: integer(status, 'process-start-time'),
    created: isoFromText(text(status, 'created')),
    rootfs: text(status, 'rootfs'),
    cgroup_paths: new Map(path === null ? [] : [['', path]]),
    namespace_paths: new Map(),
    bundle: text(status, 'bundle'),
  }
  return { value, problem: null }
}

/**
 * Whether a process is the one that the runtime started, and not a later one with its number. Where the state has no tick,
 * it was made while the runtime wrote down when the container was created.
 */
export function isStartOf(
  { init_start_ticks, created }: RuncState,
  { started, start_ticks }: { started: string | null; start_ticks: number | null },
): boolean {
  if (init_start_ticks !== null && start_ticks !== null) return Math.abs(init_start_ticks - start_ticks) <= 1
  return started !== null && created !== null && Math.abs(Date.parse(started) - Date.parse(created)) < 5000
}

function positive(pid: number | null): number | null {
  return pid !== null && pid > 0 ? pid : null
}
