import { defineRule, isInstalled, need, quote } from 'salvor'
import programFormats from '../../kernel/program-formats.js'

/** Emulators and runtimes that packages register so. */
const USUAL =
  /\/(?:qemu-[\w-]+|python[\d.]*|jexec|jar|llvm-[\w-]+|lli[\w.-]*|wine[\w.-]*|mono[\w.-]*|cli|run-detectors|box64|FEXInterpreter|rosetta|init|dotnet|guile[\w.-]*|ocamlrun[\w.-]*|wasmtime|wasmedge)$/

export default defineRule({
  name: 'program-handler',
  title: 'The kernel starts a program of its own for files of a certain kind',
  means:
    'A handler of binfmt_misc runs whenever somebody starts such a file; with the flag C it has the rights of a set-uid ' +
    'program, which makes whoever registered it root. Emulators of other processors are registered so by packages.',
  next: [
    'See its bytes in program-formats: those of ELF files of this processor are of every program',
    'Extract the interpreter and hash it',
  ],
  tactic: 'persistence',
  attack: ['T1546'],
  severity: 'low',
  confidence: 'medium',
  reads: { formats: need(programFormats) },
  *find({ formats }) {
    for (const format of formats.rows) {
      const { interpreter, flags, enabled } = format
      if (interpreter === null || (isInstalled(interpreter) && USUAL.test(interpreter))) continue
      const root = flags?.includes('C') === true
      const strange = !isInstalled(interpreter)
      yield {
        severity: enabled === false ? 'low' : strange && root ? 'high' : strange || root ? 'medium' : 'low',
        summary: `${quote(format.name)} has the kernel start ${quote(interpreter)}${root ? ', with the rights of set-uid files' : ''}`,
        evidence: [format],
      }
    }
  },
})
