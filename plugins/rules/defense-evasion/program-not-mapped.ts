import { defineRule, isInstalled, lessIfTorn, need, programName, quote } from 'salvor'
import info from '../../image/info.js'
import libraries from '../../processes/libraries.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'program-not-mapped',
  title: 'A process runs code of which the program that it is called by is no part',
  means:
    'What /proc names as its program is in none of its mappings. Packers (UPX) unpack themselves to memory and let go of ' +
    'their file; others have the kernel name another file (PR_SET_MM_EXE_FILE) to pass for it.',
  next: [
    'Write out with elf-dump and memory-dump what it really runs, and hash it',
    'See its executable memory in injected-memory and memory-maps, and who started it in process-tree',
  ],
  tactic: 'defense-evasion',
  attack: ['T1027.002', 'T1036'],
  severity: 'medium',
  confidence: 'medium',
  reads: { processes: need(processes), libraries: need(libraries), info: need(info) },
  *find({ processes, libraries, info }) {
    const less = lessIfTorn(info)
    for (const process of processes.rows) {
      if (process.kernel_thread !== false || process.exe === null || process.state === 'Z') continue
      const mapped = libraries.where('pid', process.pid).filter(({ found_by }) => found_by?.includes('mapping'))
      // Where no file is known to be mapped its mappings could not be read, or it is ending.
      if (mapped.length === 0 || mapped.some(({ path }) => path === process.exe || path === null)) continue
      const alike = mapped.some(({ path }) => programName({ ...process, exe: path }) === programName(process))
      yield {
        about: process,
        severity: alike ? 'low' : isInstalled(process.exe) ? 'medium' : 'high',
        ...less,
        summary: `${quote(process.args)} is said to run ${quote(process.exe)}, and runs ${quote(mapped[0]?.path ?? null)}`,
        evidence: [process, ...mapped.slice(0, 10)],
      }
    }
  },
})
