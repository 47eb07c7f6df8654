#!/usr/bin/env node
import { existsSync } from 'node:fs'

const entry = new URL('../dist/src/cli/process.js', import.meta.url)
if (existsSync(entry)) {
  const { runProcess } = await import(entry.href)
  await runProcess()
} else {
  process.stderr.write('salvor: this checkout is not built: npm run build\n')
  process.exitCode = 1
}
