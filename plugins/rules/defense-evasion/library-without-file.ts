import { defineRule, isOddPlace, isRuntimeStep, need, programPath, quote } from 'salvor'
import injectedMemory from '../../memory/injected-memory.js'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'

/** Memory that compilers at run time and graphics drivers map twice, to write it in one place and execute it in the other. */
const MAPPED_TWICE =
  /memfd:(?:doublemapper|libffi|jit|wasm|v8|JIT|mono|luajit|icudtl|swiftshader|llvmpipe|gallium)|\/\.(?:gl|nvidia)[\w.]*(?: \(deleted\))?$/i

export default defineRule({
  name: 'library-without-file',
  title: 'A process executes a library that is in memory alone, or whose file was deleted',
  means:
    'The code was loaded from a file that never had a name, or that was removed where everybody may write: nothing is left on disk.',
  next: ['Write it with elf-dump and hash it', 'See in libraries what else the process has loaded'],
  tactic: 'defense-evasion',
  attack: ['T1620', 'T1055.001'],
  severity: 'high',
  confidence: 'medium',
  reads: { injected: need(injectedMemory), processes: need(processes), programs: need(memoryPrograms) },
  *find({ injected, processes, programs }) {
    for (const memory of injected.rows) {
      const isMemfd = memory.reasons?.includes('memfd') === true
      const wasDeleted = memory.reasons?.includes('deleted') === true && isOddPlace(memory.path)
      if ((!isMemfd && !wasDeleted) || MAPPED_TWICE.test(memory.path ?? '')) continue
      const process = processes.where('pid', memory.pid)[0]
      // The program itself is told of by other rules.
      if (process === undefined || programPath(process.exe) === programPath(memory.path)) continue
      if (isRuntimeStep(processes, programs, process)) continue
      yield {
        about: memory,
        summary: `${quote(process.args)} executes ${quote(memory.path)}`,
        evidence: [memory, process],
      }
    }
  },
})
