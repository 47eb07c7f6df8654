#!/usr/bin/env node
// CommonJS, like the bundle: a short run would spend a tenth of its time on starting the loader of ES modules.
const { existsSync } = require('node:fs')
const { join } = require('node:path')
require('./compiled.cjs')

const entry = join(__dirname, '../dist/bundle/cli.cjs')
if (existsSync(entry)) {
  require(entry).runProcess()
} else {
  process.stderr.write('salvor: this checkout is not built: npm run build\n')
  process.exitCode = 1
}
