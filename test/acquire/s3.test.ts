/** Deliveries to a real S3 server by the real AWS CLI and curl, where versitygw and aws are installed. */

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, createHmac } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { exitCodeOfVerdicts, type Verdict, verify } from '../../dist/src/acquire/verify.js'
import { sampleImage } from '../../dist/src/sample.js'
import { findS3, type S3Server, startS3 } from '../../scripts/servers/s3.mjs'
import { findProgram } from '../../scripts/servers/start.mjs'

const script = fileURLToPath(new URL('../../src/acquire/templates/capture.sh', import.meta.url))
const root = process.getuid?.() === 0

let folder: string
let server: S3Server | undefined
let missing: string[]
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-s3-'))
  missing = ['aws', 'curl'].filter((name) => findProgram([name]) === undefined)
  if ((await findS3()).why !== undefined) missing.push('versitygw')
  if (missing.length > 0) return
  for (const name of ['spool', 'work', 'got']) mkdirSync(join(folder, name))
  server = await startS3({ buckets: ['evidence'] })
  env = { PATH: process.env.PATH, HOME: folder, ...server.env }
  const avml = join(folder, 'avml')
  writeFileSync(
    avml,
    '#!/bin/bash\n[ "$1" != --help ] || exit 0\n[ "$1" != --version ] || { echo avml 9; exit; }\nfor to; do :; done\ncat "$MEMORY" >"$to"\n',
  )
  chmodSync(avml, 0o755)
}, 120_000)
afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(({ skip }) => {
  skip(missing.length > 0, `${missing.join(', ')} not installed`)
  skip(!root, 'memory is taken by root')
})

/** A URL that lets its holder PUT one object for a quarter of an hour (AWS Signature Version 4, in the query). */
function presigned(path: string): string {
  const { AWS_ENDPOINT_URL = '', AWS_REGION = '', AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = env
  const endpoint = new URL(AWS_ENDPOINT_URL)
  const moment = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = [moment.slice(0, 8), AWS_REGION, 's3', 'aws4_request']
  const query = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': [AWS_ACCESS_KEY_ID, ...scope].join('/'),
    'X-Amz-Date': moment,
    'X-Amz-Expires': '900',
    'X-Amz-SignedHeaders': 'host',
  })
  const request = ['PUT', path, query, `host:${endpoint.host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n')
  const hashed = createHash('sha256').update(request).digest('hex')
  const text = ['AWS4-HMAC-SHA256', moment, scope.join('/'), hashed].join('\n')
  const sign = (key: string | Buffer, what: string) => createHmac('sha256', key).update(what).digest()
  const key = scope.reduce<string | Buffer>(sign, `AWS4${AWS_SECRET_ACCESS_KEY}`)
  return `${endpoint.origin}${path}?${query}&X-Amz-Signature=${sign(key, text).toString('hex')}`
}

function capture(more: Record<string, string>) {
  return spawnSync('bash', [script], {
    encoding: 'utf8',
    env: {
      ...env,
      MEMORY: sampleImage(),
      SALVOR_CASE: 'IR-7',
      SALVOR_NAME: 'node-1',
      SALVOR_AVML: join(folder, 'avml'),
      SALVOR_WORK: join(folder, 'work'),
      ...more,
    },
  })
}

async function arrived(prefix: string): Promise<Verdict[]> {
  const got = join(folder, 'got', prefix)
  execFileSync('aws', ['s3', 'cp', '--quiet', '--recursive', `s3://evidence/${prefix}`, got], { env })
  const { signal } = new AbortController()
  const headersOf = () => ({ format: 'lime', ranges: 1, bytes: 1, warnings: [] })
  const all: Verdict[] = []
  for await (const one of verify(got, { sha256: null, signal, headersOf, progress: () => {} })) all.push(one)
  return all
}

describe('a capture', () => {
  test('is streamed into a bucket in parts, and arrives as it was taken', { timeout: 300_000 }, async () => {
    const { status, stderr } = capture({ SALVOR_TO: 's3', SALVOR_S3: 's3://evidence/iam' })
    expect(status, stderr).toBe(0)
    const all = await arrived('iam')
    expect(all.map(({ kind, state }) => [kind, state])).toEqual([
      ['manifest', 'as captured'],
      ['memory', 'as captured'],
      ['facts', 'as captured'],
    ])
    expect(readdirSync(join(folder, 'work'))).toEqual([])
  })

  test('is put by presigned URLs, which are in no message, and leaves nothing behind', {
    timeout: 300_000,
  }, async () => {
    const names = ['node-1.lime', 'node-1.facts.txt', 'node-1.manifest.json']
    const urls = names.map((name) => `${name} ${presigned(`/evidence/put/${name}`)}\n`).join('')
    writeFileSync(join(folder, 'urls'), urls)
    const spool = join(folder, 'spool')
    const put = { SALVOR_TO: 'put', SALVOR_FOLDER: spool, SALVOR_URLS: join(folder, 'urls') }
    const { status, stderr } = capture(put)
    expect(status, stderr).toBe(0)
    expect(stderr).not.toContain('Signature')
    expect(exitCodeOfVerdicts(await arrived('put'))).toBe(0)
    expect(readdirSync(spool)).toEqual([])
  })

  test('that a bucket refuses ends with an error and no manifest', { timeout: 120_000 }, () => {
    const { status, stderr } = capture({ SALVOR_TO: 's3', SALVOR_S3: 's3://another', AWS_SECRET_ACCESS_KEY: 'wrong' })
    expect(status).toBe(1)
    expect(stderr).toContain('delivery failed')
    expect(stderr).not.toContain('manifest')
  })
})
