// A Redis for tests: one that is installed, or Debian's own packages unpacked into a folder, for which nobody has to be root.
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findProgram, freePort, killed, ready } from './start.mjs'

const cache = fileURLToPath(new URL(`../../node_modules/.cache/salvor-redis-${arch()}`, import.meta.url))
const names = ['redis-server', 'valkey-server']
const DOWNLOAD_MILLISECONDS = 50_000

const command = promisify(execFile)

/** The server as a program to start, or the reason why there is none. */
export async function findRedis() {
  const installed = findProgram(names, process.env.REDIS_BIN)
  if (installed !== undefined) return { path: installed, env: {} }
  if (!existsSync(join(cache, 'usr/bin/redis-server'))) {
    const why = await unpack().then(
      () => undefined,
      (error) => error.stderr?.trim().split('\n').at(-1) || error.message,
    )
    if (why !== undefined) return { why: `redis-server is not installed, and its packages cannot be had: ${why}` }
  }
  const libraries = join(cache, 'usr/lib')
  const below = readdirSync(libraries, { withFileTypes: true }).filter((one) => one.isDirectory())
  const path = [libraries, ...below.map(({ name }) => join(libraries, name))].join(delimiter)
  return { path: join(cache, 'usr/bin/redis-server'), env: { LD_LIBRARY_PATH: path } }
}

/** Packages that a package needs and that are not installed. */
async function missing(file) {
  const { stdout } = await command('dpkg-deb', ['--field', file, 'Depends'])
  const needed = stdout.split(/[,|]/).flatMap((one) => /^\s*(lib[a-z0-9.+-]+)/.exec(one)?.[1] ?? [])
  const found = await Promise.all(
    needed.map((name) =>
      command('dpkg-query', ['--show', '--showformat=\x24{Status}', name]).then(
        ({ stdout: status }) => status.includes(' installed'),
        () => false,
      ),
    ),
  )
  return needed.filter((_, index) => !found[index])
}

/** Two processes may do this at the same time: each has its own folder, and the first one's takes the place. */
async function unpack() {
  mkdirSync(dirname(cache), { recursive: true })
  const folder = mkdtempSync(`${cache}-`)
  const own = { cwd: folder, timeout: DOWNLOAD_MILLISECONDS }
  const state = ['-o', `Dir::State::lists=${folder}/lists`, '-o', `Dir::Cache=${folder}/apt`]
  const download = async (packages) => {
    await command('apt-get', ['--quiet', 'download', ...packages], own).catch(async () => {
      // The system's lists are old, or there are none.
      await command('apt-get', [...state, '--quiet', 'update'], own)
      await command('apt-get', [...state, '--quiet', 'download', ...packages], own)
    })
  }
  const files = () => readdirSync(folder).filter((name) => name.endsWith('.deb'))
  try {
    await download(['redis-server', 'redis-tools'])
    const tools = files().find((name) => name.startsWith('redis-tools'))
    const libraries = await missing(join(folder, tools))
    if (libraries.length > 0) await download(libraries)
    const root = join(folder, 'root')
    for (const file of files()) await command('dpkg-deb', ['--extract', join(folder, file), root])
    try {
      renameSync(root, cache)
    } catch (error) {
      if (!existsSync(cache)) throw error
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * Starts one on this machine's loopback with a folder of its own. `kill` ends it as a failure would, `start` brings it back
 * with what it had written to disk, unless it is made to `forget` that; `stop` removes all of it.
 */
export async function startRedis({ args = [], tls = false } = {}) {
  const program = await findRedis()
  if (program.why !== undefined) throw new Error(program.why)
  const folder = mkdtempSync(join(tmpdir(), 'salvor-redis-'))
  const port = await freePort()
  const own = ['--bind', '127.0.0.1', tls ? '--tls-port' : '--port', String(port), '--dir', folder]
  if (tls) own.push('--port', '0')
  let child
  let said = ''
  const start = async () => {
    said = ''
    child = spawn(program.path, [...own, '--appendonly', 'yes', '--save', '', ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ...program.env },
    })
    child.stdout.setEncoding('utf8').on('data', (text) => {
      said = `${said}${text}`.slice(-2000)
    })
    await ready(child, port, () => said)
  }
  const kill = () => killed(child)
  const forget = () => rmSync(join(folder, 'appendonlydir'), { recursive: true, force: true })
  const keys = async () => {
    const { Redis } = await import('ioredis')
    const client = new Redis(port, '127.0.0.1')
    const found = await client.keys('*')
    client.disconnect()
    return found.sort()
  }
  const stop = async () => {
    await kill()
    rmSync(folder, { recursive: true, force: true })
  }
  await start()
  return {
    port,
    url: `redis${tls ? 's' : ''}://127.0.0.1:${port}`,
    pid: () => child.pid,
    start,
    kill,
    forget,
    keys,
    stop,
  }
}
