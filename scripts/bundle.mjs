// Bundles dist/ into dist/bundle/: loading a hundred small modules costs a short run more than all its work, and so does
// the loader of ES modules. Hence few files, all of them CommonJS.
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { root } from './lib.mjs'
import { pageOfReports } from './report-page.mjs'
import { throughDoors } from './through-doors.mjs'

const dist = (path) => join(root, 'dist', path)

/** Piscina starts its workers from a file beside its own; in the bundle that file has another name. */
const piscinaWorker = {
  name: 'piscina-worker',
  transform: {
    filter: { id: /\/piscina\/dist\/index\.js$/ },
    handler(code) {
      const own = "(0, node_path_1.resolve)(__dirname, 'worker.js')"
      if (!code.includes(own)) throw new Error('piscina no longer starts its workers as scripts/bundle.mjs expects')
      return code.replace(own, "(0, node_path_1.resolve)(__dirname, 'piscina-worker.cjs')")
    },
  },
}

/** What a built-in analyzer imports by the package's own name. */
const doors = {
  'salvor/kernel': dist('src/doors/kernel.js'),
  'salvor/containers': dist('src/doors/containers.js'),
  'salvor/findings': dist('src/doors/findings.js'),
  salvor: dist('src/doors/salvor.js'),
}

/** Each call makes files that share nothing with those of another: a thread loads only what it needs. */
async function bundle(input, { banner = '', codeSplitting = true } = {}) {
  const build = await rolldown({
    input,
    // What several files share may go into the first one that every thread loads.
    preserveEntrySignatures: 'allow-extension',
    platform: 'node',
    // jiti loads parts of itself by path, and cli-progress calls the string-width that is replaced below as a function;
    // they and what few runs need are loaded late.
    external: [
      'jiti',
      'cli-progress',
      '@napi-rs/nice',
      'tar',
      '@bufbuild/protobuf/wire',
      'yaml',
      '@duckdb/node-api',
      'apache-arrow',
      'pino',
      'bullmq',
      'ioredis',
      '@aws-sdk/client-s3',
    ],
    resolve: {
      alias: {
        ...doors,
        // Its regular expressions over all emoji sequences take longer to compile than everything else in the help.
        'string-width': join(root, 'node_modules/fast-string-width/dist/index.js'),
      },
    },
    // yargs resolves by it what a configuration file extends, and there is none.
    checks: { emptyImportMeta: false },
    plugins: [piscinaWorker, throughDoors(doors)],
  })
  const { output } = await build.write({
    dir: dist('bundle'),
    format: 'cjs',
    exports: 'named',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
    minify: true,
    banner,
    codeSplitting,
  })
  for (const { type, fileName, code } of output) {
    if (type === 'chunk') writeFileSync(join(dist('bundle'), fileName), inAscii(code))
  }
}

/** What is not ASCII stands in texts and patterns only; escaped, the file is read as bytes and V8 keeps one for each character. */
function inAscii(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** What a worker loads first: nothing of the kernel layer but what declarations of scans are held to. */
const SHARED = /\/dist\/src\/(?:api\/|engine\/|output\/|kernel\/(?:objects|rule|scans)\.js$|[^/]+$)/

/** `processes/threads.js`: an area's folder, and in it a file for each analyzer. Rules are part of those that evaluate them. */
const plugins = readdirSync(dist('plugins'), { recursive: true }).filter(
  (file) => file.endsWith('.js') && !file.startsWith('rules/'),
)
await bundle({ cli: dist('src/cli/process.js') })
await bundle(
  { 'piscina-worker': join(root, 'node_modules/piscina/dist/worker.js') },
  { banner: "require('../../bin/compiled.cjs');" },
)
await bundle({ bringer: dist('src/intake/s3/bringer.js') })
await bundle(
  {
    worker: dist('src/engine/worker.js'),
    backend: dist('src/kernel/backend.js'),
    ...Object.fromEntries(plugins.map((file) => [`plugins/${file.slice(0, -'.js'.length)}`, dist(`plugins/${file}`)])),
  },
  // Two files of what nearly all of them share, which by itself would be a dozen, each as dear to load as its code is to run.
  // What few share is in files of its own, for them alone. A worker loads the one with the kernel, and with it the addon, when it
  // is asked for one.
  {
    codeSplitting: {
      groups: [
        { name: 'shared', test: SHARED, minShareCount: 2, priority: 1 },
        { name: 'kernel', test: /\/dist\/src\//, minShareCount: 60 },
      ],
    },
  },
)
writeFileSync(dist('bundle/report.html'), await pageOfReports())
