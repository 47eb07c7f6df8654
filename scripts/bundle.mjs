// Bundles dist/ into dist/bundle/: loading a hundred small modules costs a short run more than all its work.
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { rolldown } from 'rolldown'
import { root } from './lib.mjs'

const dist = (path) => join(root, 'dist', path)

/** Piscina starts its workers from a file beside its own; in the bundle that file has another name. */
const piscinaWorker = {
  name: 'piscina-worker',
  transform: {
    filter: { id: /\/piscina\/dist\/index\.js$/ },
    handler(code) {
      const own = "(0, node_path_1.resolve)(__dirname, 'worker.js')"
      if (!code.includes(own)) throw new Error('piscina no longer starts its workers as scripts/bundle.mjs expects')
      return code.replace(own, "require('node:url').fileURLToPath(new URL('piscina-worker.js', import.meta.url))")
    },
  },
}

const plugins = readdirSync(dist('plugins')).filter((file) => file.endsWith('.js'))
const bundle = await rolldown({
  input: {
    cli: dist('src/cli/process.js'),
    worker: dist('src/engine/worker.js'),
    backend: dist('src/kernel/backend.js'),
    'piscina-worker': join(root, 'node_modules/piscina/dist/worker.js'),
    ...Object.fromEntries(plugins.map((file) => [`plugins/${basename(file, '.js')}`, dist(`plugins/${file}`)])),
  },
  platform: 'node',
  // jiti loads parts of itself by path, and cli-progress calls the string-width that is replaced below as a function;
  // both are loaded late, and seldom.
  external: ['jiti', 'cli-progress', '@napi-rs/nice'],
  resolve: {
    alias: {
      salvor: dist('src/plugin.js'),
      // Its regular expressions over all emoji sequences take longer to compile than everything else in the help.
      'string-width': join(root, 'node_modules/fast-string-width/dist/index.js'),
    },
  },
  plugins: [piscinaWorker],
})
await bundle.write({
  dir: dist('bundle'),
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  minify: true,
})
