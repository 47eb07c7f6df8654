/** Lines of logs, and whose they are. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { logOf, parseLogLine } from '../../src/containers/log-lines.js'
import type { ContainerRow } from '../../src/containers/types.js'

test.each([
  [
    '{"log":"GET / 200\\n","stream":"stdout","time":"2026-11-23T12:57:00.1Z"}',
    { time: '2026-11-23T12:57:00.1Z', stream: 'stdout', text: 'GET / 200' },
  ],
  [
    '2026-11-23T22:01:44.123456789Z stderr F no such host',
    { time: '2026-11-23T22:01:44.123456789Z', stream: 'stderr', text: 'no such host' },
  ],
  ['2026-11-23T22:01:44+01:00 stdout P ', { time: '2026-11-23T22:01:44+01:00', stream: 'stdout', text: '' }],
  ['{"log":7}', { time: null, stream: null, text: '{"log":7}' }],
  ['the end of a line', { time: null, stream: null, text: 'the end of a line' }],
])('%s', (line, parsed) => {
  expect(parseLogLine(line)).toEqual(parsed)
})

test('any line is one', () => {
  fc.assert(
    fc.property(fc.string(), (line) => {
      expect(parseLogLine(line).text.length).toBeLessThanOrEqual(16384)
    }),
  )
})

test('a log is of the container that its path names', () => {
  const id = 'a'.repeat(64)
  const row = { id, kind: 'container', name: 'web', pod_uid: 'u1', pod_name: 'p', pod_namespace: 'n', state: 'exited' }
  const rows = [row, { ...row, id: 'b', state: 'running' }] as unknown as ContainerRow[]
  expect(logOf(`/var/lib/docker/containers/${id}/${id}-json.log`, [])).toBe(id)
  expect(logOf(`/srv/docker/containers/${id}/${id}-json.log.1`, [])).toBe(id)
  expect(logOf('/var/log/pods/n_p_u1/web/0.log', rows)).toBe('b')
  expect(logOf('/var/log/pods/n_p_u1/db/0.log', rows)).toBeNull()
  expect(logOf('/var/log/syslog', rows)).toBeNull()
})
