import { defineRule, isOddPlace, need, quote } from 'salvor'
import environment from '../../processes/environment.js'
import libraries from '../../processes/libraries.js'

const VARIABLES = ['LD_PRELOAD', 'LD_AUDIT']
/** Allocators and helpers that are preloaded by packages and images; from a folder for libraries only. */
const USUAL =
  /^(?:\$LIB\/|\/(?:usr\/|lib|opt\/)[^ ]*\/)?lib(?:jemalloc|tcmalloc|mimalloc|hoard|eatmydata|fakeroot|faketime|stdbuf|asan|tsan|ubsan|dlopen|nss_wrapper|uid_wrapper|SegFault|gtk3-nocsd|snoopy|oneagentproc)[^/ ]*$|^\/opt\/datadog\/[^ ]*\/launcher\.preload\.so$/

export default defineRule({
  name: 'preloaded-library',
  title: 'A library is loaded into programs before all others',
  means:
    'What is preloaded replaces functions of every library below it: it can hide files, processes and connections, or take ' +
    'what is typed. Allocators come so too.',
  next: [
    'Extract the library and see which functions it has',
    'See in libraries whether it was loaded, and in files when it was written',
  ],
  tactic: 'persistence',
  attack: ['T1574.006'],
  severity: 'medium',
  confidence: 'medium',
  reads: { environment: need(environment), libraries: need(libraries) },
  *find({ environment, libraries }) {
    const told = new Set<string>()
    for (const variable of VARIABLES.flatMap((name) => environment.where('name', name))) {
      const { name, value, container, pid } = variable
      const strange = (value ?? '')
        .slice(0, 4096)
        .split(/[\s:]/)
        .filter((path) => path !== '' && !USUAL.test(path))
      // One finding for all processes that were started alike.
      const place = `${container} ${name} ${value}`
      if (strange.length === 0 || told.has(place)) continue
      told.add(place)
      const loaded = libraries.where('pid', pid).filter(({ path }) => path !== null && strange.includes(path))
      yield {
        about: variable,
        severity: strange.some(isOddPlace) ? 'high' : 'medium',
        confidence: loaded.length > 0 ? 'high' : 'medium',
        summary: `${name} is ${quote(value)}${loaded.length > 0 ? ', and that is loaded' : ''}`,
        evidence: [variable, ...loaded],
      }
    }
  },
})
