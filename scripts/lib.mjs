// What the scripts share. Only Node's own modules: it runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Ends the script with one line. */
export function fail(message) {
  process.stderr.write(`salvor: ${message}\n`)
  process.exit(1)
}

/** Runs a command with its output shown; answers its exit code and, if asked for, what it wrote. */
export function run(command, args, { capture = false, env = {}, quiet = false } = {}) {
  return new Promise((resolve) => {
    const stdio = capture ? ['inherit', 'pipe', 'inherit'] : ['inherit', quiet ? 'ignore' : 'inherit', 'inherit']
    const child = spawn(command, args, { cwd: root, stdio, env: { ...process.env, ...env } })
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (part) => {
      text += part
      process.stdout.write(part)
    })
    child.on('error', (error) => {
      process.stderr.write(`salvor: ${command} does not start: ${error.message}\n`)
      resolve({ code: 127, text })
    })
    child.on('close', (code, signal) => resolve({ code: signal === null ? (code ?? 1) : 1, text }))
  })
}

/** The path of a tool that npm installed. */
export function tool(name) {
  return join(root, 'node_modules', '.bin', name)
}

/** The files below some paths, sorted; what a build makes is left out. */
export function filesBelow(paths) {
  const files = []
  const visit = (path) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false })
    if (found?.isFile()) files.push(path)
    else if (found?.isDirectory()) {
      for (const name of readdirSync(join(root, path))) if (name !== 'target') visit(join(path, name))
    }
  }
  for (const path of paths) visit(path)
  return files.sort()
}

/** A hash of names and contents: a checkout's file times say nothing. */
export function hashOf(paths) {
  const hash = createHash('sha256').update(`${process.version} ${process.platform} ${process.arch}\0`)
  for (const file of filesBelow(paths))
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0')
  return hash.digest('hex')
}

/** Does some work unless it was done for the same inputs and its outputs are still there. */
export async function unlessFresh({ stamp, inputs, outputs }, work) {
  const path = join(root, stamp)
  const hash = hashOf(inputs)
  const known = existsSync(path) ? readFileSync(path, 'utf8') : ''
  if (known === hash && outputs.every((output) => existsSync(join(root, output)))) return false
  await work()
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, hash)
  return true
}

function found(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
}

/** Says in one line what a fresh machine lacks. */
export function needTools() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) fail(`Node 20.19 or newer is needed; this is ${process.version}`)
  if (!found('cargo')) {
    fail(
      "Rust is missing (no cargo): curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh, then open a new shell",
    )
  }
  if (!['cc', 'gcc', 'clang'].some(found)) fail('a C compiler is missing: on Debian, apt-get install gcc libc6-dev')
}
