/** Evidence whose writer is the attacker: nothing that it says breaks out of what is written. */

import { expect, test } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'
import { written } from '../evidence/files.js'
import { salvor } from '../hostile/salvor.js'

const HOSTILE = '\x1b]0;owned\x07\x1b[2J\r\n=HYPERLINK("http://x","y"),"\u202e__proto__'
const listed = JSON.stringify({ ID: 'f'.repeat(64), Names: HOSTILE, Image: HOSTILE, State: 'running', Status: 'Up' })
const event = JSON.stringify({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  auditID: HOSTILE,
  user: { username: HOSTILE },
  userAgent: HOSTILE,
  requestURI: `/x?command=${encodeURIComponent(HOSTILE)}`,
  requestReceivedTimestamp: '2026-11-23T22:02:27.410000Z',
  objectRef: { resource: 'pods', subresource: 'exec', namespace: 'a', name: HOSTILE },
})

test.each(['table', 'csv', 'ndjson', 'json'])('as %s', async (format) => {
  const files = [written(listed), written(`${event}\n`)].flatMap((path) => ['--evidence', path])
  const { stdout } = await salvor(['evidence', sampleImage(), ...files, '--format', format, '--wide'])
  expect(stdout).toContain('owned')
  // A cell that a spreadsheet would run.
  if (format === 'csv') expect(stdout).not.toMatch(/(?:^|,)"?=/m)
  if (format.endsWith('json')) expect(stdout).toContain(JSON.stringify(HOSTILE).slice(1, 20))
})
