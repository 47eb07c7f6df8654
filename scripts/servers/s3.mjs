// An S3 server for tests: versitygw over a folder, one that is installed or one that Go builds into a folder once.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { goProgram } from '../go-program.mjs'
import { freePort, killed, ready } from './start.mjs'

const PROGRAM = {
  module: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0',
  name: 'versitygw',
  folder: process.env.S3_BIN,
}

/** The server as a program to start, or the reason why there is none. Only `build` takes the minutes to make it. */
export function findS3(options) {
  return goProgram(PROGRAM, options)
}

const KEYS = { AWS_ACCESS_KEY_ID: 'evidence', AWS_SECRET_ACCESS_KEY: 'only-for-this-test', AWS_REGION: 'us-east-1' }

/**
 * Starts one on this machine's loopback with a folder of its own: `store` has a folder for each bucket, and what lies in
 * these are objects. `kill` ends it as a failure would, `start` brings it back; `stop` removes all of it. With `versions` its
 * buckets can be told to keep them.
 */
export async function startS3({ buckets = [], versions = false } = {}) {
  const program = await findS3()
  if (program.why !== undefined) throw new Error(program.why)
  const folder = mkdtempSync(join(tmpdir(), 'salvor-s3-'))
  const store = join(folder, 'store')
  const meta = join(folder, 'meta')
  mkdirSync(meta)
  const kept = join(folder, 'versions')
  if (versions) mkdirSync(kept)
  for (const bucket of buckets) mkdirSync(join(store, bucket), { recursive: true })
  const port = await freePort()
  const keys = ['--access', KEYS.AWS_ACCESS_KEY_ID, '--secret', KEYS.AWS_SECRET_ACCESS_KEY]
  const keep = versions ? ['--versioning-dir', kept] : []
  let child
  let said = ''
  const start = async () => {
    said = ''
    child = spawn(
      program.path,
      [...keys, '--port', `127.0.0.1:${port}`, '--quiet', 'posix', '--sidecar', meta, ...keep, store],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said = `${said}${text}`.slice(-2000)
    })
    await ready(child, port, () => said)
  }
  const stop = async () => {
    await killed(child)
    rmSync(folder, { recursive: true, force: true })
  }
  await start()
  const url = `http://127.0.0.1:${port}`
  return { port, url, store, env: { ...KEYS, AWS_ENDPOINT_URL: url }, start, kill: () => killed(child), stop }
}
