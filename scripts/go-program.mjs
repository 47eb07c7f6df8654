// A program for tests: one that is installed, or one that Go builds into a folder once.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { arch } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findProgram, isProgram } from './servers/start.mjs'

const BUILD_MILLISECONDS = 15 * 60_000

/**
 * The program of a module by its version, with an installed one first: on the path, or in `folder`. Only `build` takes the
 * minutes to make it; where there is none, `why` says so.
 */
export async function goProgram({ module, name, folder }, { build = false } = {}) {
  const cache = fileURLToPath(new URL(`../node_modules/.cache/salvor-${name}-${arch()}`, import.meta.url))
  const path = findProgram([name], folder) ?? join(cache, name)
  if (isProgram(path)) return { path }
  if (!build) return { why: `${name} is not installed, and npm test has not built it` }
  try {
    await make(module, name, cache)
    return { path }
  } catch (error) {
    const why = error.stderr?.trim().split('\n').at(-1) || error.message
    return { why: `${name} is not installed, and go cannot build it: ${why}` }
  }
}

async function make(module, name, cache) {
  mkdirSync(dirname(cache), { recursive: true })
  const folder = mkdtempSync(`${cache}-`)
  try {
    const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0' }
    await promisify(execFile)('go', ['install', module], { env, timeout: BUILD_MILLISECONDS })
    mkdirSync(cache, { recursive: true })
    renameSync(join(folder, name), join(cache, name))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
