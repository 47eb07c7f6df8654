import { defineRule, isAgent, isInstalled, need, programPath, quote } from 'salvor'
import watches from '../../files/watches.js'
import processes from '../../processes/processes.js'

/** What keeps an intruder in: who watches it puts it back. */
const KEPT =
  /^\/(?:etc\/(?:cron|ld\.so\.preload|systemd\/system|init\.d|rc\.local|passwd|shadow|sudoers)|var\/spool\/cron|root\/\.ssh|home\/[^/]+\/\.ssh)/

export default defineRule({
  name: 'self-watching',
  title: 'A program watches its own file, or what would keep it here, or decides who may open files',
  means:
    'Malware watches its file and its job to put them back when somebody deletes them, and may refuse others to open them. ' +
    'Security agents decide about files too.',
  next: [
    'See in watches all that it watches, and stop it before deleting anything',
    'Write the program to a file with elf-dump and hash it',
  ],
  tactic: 'persistence',
  attack: ['T1546', 'T1562.001'],
  severity: 'medium',
  confidence: 'medium',
  reads: { watches: need(watches), processes: need(processes) },
  *find({ watches, processes }) {
    const told = new Set<unknown>()
    for (const watch of watches.rows) {
      if (watch.pid === null || told.has(watch.pid)) continue
      const process = processes.where('pid', watch.pid)[0]
      const what = process === undefined ? undefined : reasonOf(watch, process)
      if (process === undefined || what === undefined) continue
      told.add(watch.pid)
      yield {
        about: process,
        severity: isInstalled(process.exe) ? 'low' : what === ITSELF && process.container === null ? 'high' : 'medium',
        summary: `${quote(process.args)} from ${quote(process.exe)} ${what}: ${quote(watch.path)}`,
        evidence: [watch, process],
      }
    }
  },
})

const ITSELF = 'watches its own file'

interface Watch {
  readonly kind: string | null
  readonly path: string | null
  readonly events: readonly string[] | null
}

function reasonOf({ kind, path, events }: Watch, process: Parameters<typeof isAgent>[0]): string | undefined {
  const { exe, container } = process
  if (exe === null || isAgent(process) || (kind !== 'inotify' && kind !== 'fanotify')) return undefined
  if (events?.some((event) => event.endsWith('permission'))) return 'decides who may open files'
  if (isInstalled(exe) && container === null) return undefined
  if (path !== null && path === programPath(exe)) return ITSELF
  // In a container these paths are its own, and services watch for changes there to read them anew.
  return container === null && KEPT.test(path ?? '') ? 'watches what would keep it here' : undefined
}
