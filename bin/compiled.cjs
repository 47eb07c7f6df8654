// Loads files of the bundle with the code that V8 made of them when they were built (scripts/compile.mjs): a short run
// would otherwise spend a tenth of its time on compiling. V8 itself refuses code of another version or other flags. The
// bundle's files are ASCII.
const { readFileSync } = require('node:fs')
const { createRequire, wrap } = require('node:module')
const { dirname, join, sep } = require('node:path')
const { Script } = require('node:vm')

const bundle = join(__dirname, '../dist/bundle') + sep
const scripts = new Map()

function codeFor(filename) {
  try {
    return readFileSync(`${filename}.code`)
  } catch {
    return undefined
  }
}

require.extensions['.cjs'] = (module, filename) => {
  if (!filename.startsWith(bundle)) {
    require.extensions['.js'](module, filename)
    return
  }
  const script = new Script(wrap(readFileSync(filename, 'latin1')), {
    filename,
    cachedData: codeFor(filename),
  })
  scripts.set(filename, script)
  const load = script.runInThisContext()
  load.call(module.exports, module.exports, createRequire(filename), module, filename, dirname(filename))
}

/** The bundle's files that were loaded so far, as V8 has them. */
exports.scripts = scripts
