import { defineRule, isInterpreter, isOddPlace, isRuntimeStep, need, quote } from 'salvor'
import environment from '../../processes/environment.js'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'empty-environment',
  title: 'A shell, or a program from an odd place, that was started without any environment',
  means:
    'Whoever starts a program gives it a PATH at least. Exploits and implants give nothing, or wipe it, so that no ' +
    'variable says where they came from; a few services start their helpers so as well.',
  next: ['See who started it in process-tree', 'Hash its program, and see what it has open in open-files and sockets'],
  tactic: 'defense-evasion',
  attack: ['T1564', 'T1070'],
  severity: 'low',
  confidence: 'low',
  reads: { processes: need(processes), environment: need(environment), programs: need(memoryPrograms) },
  *find({ processes, environment, programs }) {
    for (const process of processes.rows) {
      // The environment lies behind the arguments: where these can be read it could be too.
      if (process.kernel_thread !== false || process.state === 'Z' || !process.args?.length || process.euid !== 0)
        continue
      const odd = isOddPlace(process.exe)
      if ((!odd && !isInterpreter(process)) || environment.where('pid', process.pid).length > 0) continue
      if (isRuntimeStep(processes, programs, process)) continue
      yield {
        about: process,
        severity: odd ? 'medium' : 'low',
        summary: `${quote(process.args)} from ${quote(process.exe)} is root and has no environment`,
        evidence: [process],
      }
    }
  },
})
