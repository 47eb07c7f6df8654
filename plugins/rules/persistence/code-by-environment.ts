import { defineRule, isOddPlace, need, quote } from 'salvor'
import environment from '../../processes/environment.js'

/** What is loaded or run by whoever has them: converters of iconv(3), a script of bash(1), libraries of ld.so(8). */
const VARIABLES = ['GCONV_PATH', 'BASH_ENV', 'LD_LIBRARY_PATH']
/** Installed programs have their own libraries and converters; a script that every bash runs is hardly anybody's. */
const USUAL = new Set(['GCONV_PATH', 'LD_LIBRARY_PATH'])
/** Where an AppImage shows what is packed in it. */
const APP_IMAGE = /^\/tmp\/\.mount_/
const LONGEST = 4096

export default defineRule({
  name: 'code-by-environment',
  title: 'A variable has programs load code, or shells run a script, from an odd place',
  means:
    'Programs that have it in their environment load converters (GCONV_PATH) or libraries (LD_LIBRARY_PATH) from there, and ' +
    'every bash that runs a script runs another one before (BASH_ENV): code that no file of the program names, and a known ' +
    'way to the rights of programs that are more than their caller.',
  next: [
    'Extract what lies there and read it',
    'See in libraries whether it was loaded, and in process-tree who set it',
  ],
  tactic: 'persistence',
  attack: ['T1574.006', 'T1574'],
  severity: 'medium',
  confidence: 'medium',
  reads: { environment: need(environment) },
  *find({ environment }) {
    const told = new Set<string>()
    for (const variable of VARIABLES.flatMap((name) => environment.where('name', name))) {
      const { name, value, container } = variable
      const paths = (value ?? '').slice(0, LONGEST).split(/[:;]/)
      const odd = paths.filter((path) => isOddPlace(path.endsWith('/') ? path : `${path}/`))
      if (odd.length === 0 && (USUAL.has(name ?? '') || !value)) continue
      // It is handed down to every child.
      const key = JSON.stringify([name, value, container])
      if (told.has(key)) continue
      told.add(key)
      yield {
        about: variable,
        severity: odd.length === 0 ? 'info' : odd.every((path) => APP_IMAGE.test(path)) ? 'low' : 'medium',
        summary: `${name} is ${quote(value)}`,
        evidence: [variable],
      }
    }
  },
})
