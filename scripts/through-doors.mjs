// A door only lists what modules export. A bundler takes whoever imports from it to need all that it lists, and makes one
// file of that; bound to the modules behind the door, an analyzer's imports tell what it does need.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

const LISTED = /^export (?:\{([^}]*)\}|\* as (\w+)) from '([^']+)'/gm
const IMPORTED = /^import \{([^}]*)\} from '([^']+)'/gm

/** `a`, `a as b` of a list in braces: pairs of the name there and the name here. */
function names(list) {
  const words = list.split(',').flatMap((item) => item.trim() || [])
  return words.map((item) => item.split(/\s+as\s+/)).map(([there, here = there]) => ({ there, here }))
}

/** What a door lists: by name the module, and what it is called there; `*` is the module itself. */
function listed(door) {
  const list = new Map()
  for (const [, some, whole, from] of readFileSync(door, 'utf8').matchAll(LISTED)) {
    const module = resolve(dirname(door), from)
    if (whole) list.set(whole, { module, there: '*' })
    for (const { there, here } of names(some ?? '')) list.set(here, { module, there })
  }
  return list
}

function statement({ module, there }, here) {
  const what = there === '*' ? `* as ${here}` : `{ ${there} as ${here} }`
  return `import ${what} from ${JSON.stringify(module)};`
}

/** A plugin for the bundler: `doors` maps the names of doors to their files. */
export function throughDoors(doors) {
  const lists = new Map(Object.entries(doors).map(([name, file]) => [name, listed(file)]))
  const bind = (text, wanted, door) => {
    const list = lists.get(door)
    if (list === undefined) return text
    const kept = names(wanted).filter(({ there }) => !list.has(there))
    const bound = names(wanted).flatMap(({ there, here }) => (list.has(there) ? statement(list.get(there), here) : []))
    const rest = kept.map(({ there, here }) => `import { ${there} as ${here} } from '${door}';`)
    return [...bound, ...rest].join(' ')
  }
  return {
    name: 'through-doors',
    transform: {
      filter: { id: /\/dist\/plugins\// },
      handler: (code) => code.replace(IMPORTED, bind),
    },
  }
}
