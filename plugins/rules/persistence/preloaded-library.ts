import { defineRule, isOddPlace, need, quote, quoteSome } from 'salvor'
import environment from '../../processes/environment.js'
import importHooks from '../../processes/import-hooks.js'
import libraries from '../../processes/libraries.js'

const VARIABLES = ['LD_PRELOAD', 'LD_AUDIT']
/** Allocators and helpers that are preloaded by packages and images; from a folder for libraries only. */
const USUAL =
  /^(?:\$LIB\/|\/(?:usr\/|lib|opt\/)[^ ]*\/)?lib(?:jemalloc|tcmalloc|mimalloc|hoard|eatmydata|fakeroot|faketime|stdbuf|asan|tsan|ubsan|dlopen|nss_wrapper|uid_wrapper|SegFault|gtk3-nocsd|snoopy|oneagentproc)[^/ ]*$|^\/opt\/datadog\/[^ ]*\/launcher\.preload\.so$/

/** Which functions of others are answered for by a library. */
function instead(hooks: readonly { readonly function: string | null }[]): string {
  return hooks.length === 0 ? '' : `: it answers for ${quoteSome(hooks.map(({ function: name }) => name))}`
}

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
  reads: { environment: need(environment), libraries: need(libraries), hooks: need(importHooks) },
  *find({ environment, libraries, hooks }) {
    const replacing = hooks.where('reason', 'preloaded').filter(({ target_path }) => !USUAL.test(target_path ?? ''))
    const told = new Set<string>()
    const named = new Set<string>()
    for (const variable of VARIABLES.flatMap((name) => environment.where('name', name))) {
      const { name, value, container, pid } = variable
      const strange = (value ?? '')
        .slice(0, 4096)
        .split(/[\s:]/)
        .filter((path) => path !== '' && !USUAL.test(path))
      // One finding for all processes that were started alike.
      const place = `${container} ${name} ${value}`
      for (const path of strange) named.add(`${container} ${path}`)
      if (strange.length === 0 || told.has(place)) continue
      told.add(place)
      const loaded = libraries.where('pid', pid).filter(({ path }) => path !== null && strange.includes(path))
      const replaced = replacing.filter((hook) => hook.pid === pid && strange.includes(hook.target_path ?? ''))
      yield {
        about: variable,
        severity: strange.some(isOddPlace) ? 'high' : 'medium',
        confidence: loaded.length > 0 ? 'high' : 'medium',
        summary: `${name} is ${quote(value)}${loaded.length > 0 ? ', and that is loaded' : ''}${instead(replaced)}`,
        evidence: [variable, ...loaded, ...replaced],
      }
    }
    // /etc/ld.so.preload is in no environment.
    for (const hook of replacing) {
      const place = `${hook.container} ${hook.target_path}`
      if (named.has(place)) continue
      named.add(place)
      const replaced = replacing.filter(({ pid, target_path }) => pid === hook.pid && target_path === hook.target_path)
      yield {
        about: hook,
        severity: isOddPlace(hook.target_path ?? '') ? 'high' : 'medium',
        summary: `${quote(hook.target_path)} is loaded before what the program needs${instead(replaced)}`,
        evidence: replaced,
      }
    }
  },
})
