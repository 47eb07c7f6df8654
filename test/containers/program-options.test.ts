/** Options as Go's flag and pflag and glib take them: the last of a name counts, and nothing behind `--` is one. */

import { describe, expect, test } from 'vitest'
import { parseFlags } from '../../src/containers/flags.js'
import { readOptions } from '../../src/containers/program-options.js'
import { parseConmonArguments } from '../../src/containers/shim-args.js'

describe.each([
  ['whatever there is', (args: string[]) => parseFlags(args)],
  ['those asked for', (args: string[]) => readOptions(args, ['root', 'config'])],
])('%s', (_, read) => {
  test('the last of a name counts', () => {
    expect(read(['dockerd', '--root=/a', '--root', '/b']).get('root')).toBe('/b')
    expect(read(['dockerd', '-root', '/b', '-root=/a']).get('root')).toBe('/a')
  })

  test('nothing behind two dashes is an option', () => {
    expect(read(['dockerd', '--root=/a', '--', '--root=/b']).get('root')).toBe('/a')
  })
})

test('what conmon hands on to others is none of its own options', () => {
  const id = 'a'.repeat(64)
  const handedOn = ['--exit-command-arg', '--runtime', '--exit-command-arg', 'crun', '--runtime-arg', '--name=x']
  const args = ['/usr/bin/conmon', '-c', id, '-n', 'web', '-r', '/usr/bin/runc', '-b', '/b', ...handedOn]
  expect(parseConmonArguments(args)).toEqual({
    id,
    name: 'web',
    bundle: '/b',
    runtime: '/usr/bin/runc',
    log_path: null,
  })
})
