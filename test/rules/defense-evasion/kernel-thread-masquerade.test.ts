import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/kernel-thread-masquerade.js'

const process = { pid: 7, comm: 'x', args: ['x'], exe: '/lab/x', kernel_thread: false, container: null }
const find = (row: object) => evaluateRule(rule, { processes: [{ ...process, ...row }] })

test.each([
  { comm: 'kworker/0:3' },
  { args: ['[kworker/u8:3]', '4'] },
  { args: ['[kswapd1]'] },
  { comm: 'kdevtmpfs' },
  { args: ['jbd2/sda1-8'], comm: 'y' },
])('%j is found', (row) => {
  expect(find(row)).toMatchObject([{ about: { pid: 7 } }])
})

test('neither threads of the kernel, nor other names, nor titles with brackets, nor what is not known', () => {
  for (const row of [
    { comm: 'kworker/0:3', kernel_thread: true, exe: null },
    { comm: 'kdevtmpfsi' },
    { args: ['[celeryd: worker@host:MainProcess] -active-'] },
    { args: ['(sd-pam)'] },
    { args: ['[lxc monitor] /var/lib/lxc web'] },
    { comm: null, args: null },
    { comm: 'kworker/0:3', exe: null },
    { comm: 'kworker/0:3', kernel_thread: null },
  ]) {
    expect(find(row)).toEqual([])
  }
})
