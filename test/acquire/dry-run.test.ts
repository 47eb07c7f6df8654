/** Plans held against a real API server, where there is one to start. */

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
// @ts-expect-error: a script without types
import { program } from '../../scripts/acquire-dry-run.mjs'

const script = fileURLToPath(new URL('../../scripts/acquire-dry-run.mjs', import.meta.url))

test('an API server takes every object of the plans, and every pod that they would make', { timeout: 300_000 }, ({
  skip,
}) => {
  const missing = ['kube-apiserver', 'etcd'].filter((name) => program(name) === null)
  skip(missing.length > 0, `${missing.join(' and ')} not installed (KUBE_BIN names a folder with them)`)
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
  expect(status, `${stdout}${stderr}`).toBe(0)
  const answers = stdout.split('\n').filter((line) => /^201 /.test(line))
  expect(answers.filter((line) => line.startsWith('201 Job')).length).toBeGreaterThanOrEqual(3)
  expect(answers.filter((line) => line.startsWith('201 DaemonSet'))).toHaveLength(1)
  expect(answers.filter((line) => line.startsWith('201 Pod')).length).toBeGreaterThanOrEqual(4)
  expect(stdout).toMatch(/^400 for a field that is not known/m)
  expect(stdout).toMatch(/^403 for a privileged pod in a namespace that does not allow it/m)
})
