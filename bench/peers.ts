/**
 * Processor time of salvor's tables beside the Volatility 3 commands that answer the same: `npm run bench:peers IMAGE`.
 *
 * Each is a whole process over the same image, one after the other on the same machine, after a first run that fills the
 * file cache and the caches of symbols. Volatility is `vol` on the PATH or `--vol COMMAND`; the symbols that it needs are
 * in the folder that `--symbols` names. `--only a,b` takes some tables. What searches all memory is measured beside b3sum;
 * `--only scans` is that alone, and `--copies N` does it on an image of N times the memory. Results go to bench/results/peers-<time>.json.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { has, measure, ROOT, type Run, SALVOR, seconds } from './measure.js'
import { measureScans } from './scans.js'

const RESULTS = join(ROOT, 'bench', 'results')

/** Volatility's commands by the table of salvor's that answers what they do. */
const PEERS: Readonly<Record<string, readonly string[]>> = {
  info: ['linux.boottime.Boottime', 'linux.vmcoreinfo.VMCoreInfo'],
  processes: ['linux.pslist.PsList', 'linux.psaux.PsAux', 'linux.pidhashtable.PIDHashTable'],
  'process-tree': ['linux.pstree.PsTree'],
  'process-scan': ['linux.psscan.PsScan'],
  environment: ['linux.envars.Envars'],
  credentials: ['linux.capabilities.Capabilities'],
  ptrace: ['linux.ptrace.Ptrace'],
  'kernel-threads': ['linux.kthreads.Kthreads'],
  'kernel-stacks': ['linux.pscallstack.PsCallStack'],
  libraries: ['linux.library_list.LibraryList'],
  'memory-maps': ['linux.proc.Maps'],
  'elf-files': ['linux.elfs.Elfs'],
  'injected-memory': ['linux.malware.malfind.Malfind'],
  'open-files': ['linux.lsof.Lsof'],
  mounts: ['linux.mountinfo.MountInfo'],
  files: ['linux.pagecache.Files'],
  sockets: ['linux.sockstat.Sockstat', 'linux.sockscan.Sockscan'],
  interfaces: ['linux.ip.Addr', 'linux.ip.Link'],
  netfilter: ['linux.malware.netfilter.Netfilter'],
  modules: [
    'linux.lsmod.Lsmod',
    'linux.malware.check_modules.Check_modules',
    'linux.malware.hidden_modules.Hidden_modules',
    'linux.malware.modxview.Modxview',
  ],
  'kernel-hooks': [
    'linux.malware.check_syscall.Check_syscall',
    'linux.malware.check_idt.Check_idt',
    'linux.malware.check_afinfo.Check_afinfo',
    'linux.malware.keyboard_notifiers.Keyboard_notifiers',
    'linux.malware.tty_check.Tty_Check',
    'linux.tracing.ftrace.CheckFtrace',
    'linux.tracing.tracepoints.CheckTracepoints',
  ],
  'perf-events': ['linux.tracing.perf_events.PerfEvents'],
  'bpf-programs': ['linux.ebpf.EBPF'],
  'shell-history': ['linux.bash.Bash'],
  'kernel-log': ['linux.kmsg.Kmsg'],
  'kernel-symbols': ['linux.kallsyms.Kallsyms'],
  framebuffers: ['linux.graphics.fbdev.Fbdev'],
  'io-memory': ['linux.iomem.IOMem'],
}

/** The lesser of two runs: what disturbs one only adds. */
function measureTwice(command: readonly string[]): Run {
  const [first, second] = [measure(command), measure(command)]
  return second.cpu < first.cpu ? second : first
}

function main(): void {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      vol: { type: 'string', default: 'vol' },
      symbols: { type: 'string' },
      only: { type: 'string' },
      copies: { type: 'string' },
    },
  })
  const images = process.env.SALVOR_IMAGES ?? join(homedir(), '.cache', 'salvor-images')
  const [image = join(images, 'docker-debian12', 'memory.elf')] = positionals
  const { vol, symbols, only } = values
  const asked = only?.split(',')
  const scans = asked === undefined || asked.includes('scans') ? measureScans(image, Number(values.copies ?? 1)) : {}
  const tables = Object.keys(PEERS).filter((table) => asked?.includes(table) ?? true)
  const found = tables.length === 0 ? {} : measureTables(image, tables, vol, symbols)
  mkdirSync(RESULTS, { recursive: true })
  const file = join(RESULTS, `peers-${new Date().toISOString().replaceAll(':', '-')}.json`)
  writeFileSync(file, `${JSON.stringify({ image, ...found, scans }, null, 2)}\n`)
  console.log(file)
}

/** Measures tables, and tells of each. */
function measureTables(image: string, tables: readonly string[], vol: string, symbols: string | undefined) {
  const hasVolatility = has(vol)
  if (!hasVolatility) console.log(`Volatility 3 is not installed (no ${vol}): salvor alone is measured`)
  const salvor = (...tables: string[]) => [...SALVOR, 'run', ...tables, image, '-q', '-f', 'ndjson']
  const volatility = (plugin: string) => [vol, '-q', '-f', image, ...(symbols ? ['-s', symbols] : []), plugin]
  measure(salvor('info'))
  console.log(`${'table'.padEnd(18)}${'salvor'.padStart(8)}  ${'peer'.padStart(8)}  times  Volatility's command`)
  const results = tables.flatMap((table) => {
    const own = measureTwice(salvor(table))
    const peers = hasVolatility ? (PEERS[table] ?? []) : ['']
    return peers.map((plugin) => {
      const theirs = plugin === '' ? null : measure(volatility(plugin))
      const note = theirs === null || theirs.code === 0 ? '' : ` (ended with ${theirs.code})`
      const times = theirs === null ? '' : (theirs.cpu / own.cpu).toFixed(0)
      const peer = theirs === null ? ''.padStart(8) : seconds(theirs.cpu)
      console.log(`${table.padEnd(18)}${seconds(own.cpu)}  ${peer}  ${times.padStart(5)}  ${plugin}${note}`)
      return { table, plugin, salvor: own, volatility: theirs }
    })
  })
  const all = measureTwice(salvor(...tables))
  const peers = results.reduce((sum, { volatility: theirs }) => sum + (theirs?.cpu ?? 0), 0)
  console.log(
    `${'all in one run'.padEnd(18)}${seconds(all.cpu)}  ${seconds(peers)}  ${(peers / all.cpu).toFixed(0).padStart(5)}`,
  )
  return { all, results }
}

main()
