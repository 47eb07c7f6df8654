/** The completion scripts in the shells they are for; a shell that is not installed is skipped. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { analyzerCommand } from '../../dist/src/cli/commands/analyzer.js'
import { distillCommand } from '../../dist/src/cli/commands/distill.js'
import { runCommand } from '../../dist/src/cli/commands/run.js'
import { bashCompletion, fishCompletion } from '../../dist/src/cli/completion.js'
import { addUserPlugin } from '../../dist/src/engine/load.js'
import { Registry } from '../../dist/src/engine/registry.js'
import { fixture, salvor, start } from './run.js'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-completion-'))
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await salvor('completion', shell)
    expect([code, stderr]).toEqual([0, ''])
    writeFileSync(join(folder, shell), stdout)
  }
  writeFileSync(join(folder, 'memory.elf'), '')
  // No built-in analyzer has options yet, and a plugin's are not completed.
  const registry = new Registry([])
  for (const name of ['options', 'listing']) await addUserPlugin(registry, fixture(`plugins/${name}.ts`), '/')
  const commands = [...registry.list().map(analyzerCommand), runCommand(registry), distillCommand]
  writeFileSync(join(folder, 'bash-own'), bashCompletion(commands))
  writeFileSync(join(folder, 'fish-own'), fishCompletion(commands))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Line by line what is typed and what a shell then offers. */
const cases: [string[], string[]][] = [
  [['salvor', 'thr'], ['threads']],
  [['salvor', 'new'], ['new-plugin']],
  [['salvor', 'processes', '--form'], ['--format']],
  [['salvor', 'ps', 'x', '--format', 'nd'], ['ndjson']],
  [['salvor', 'processes', 'x', '--columns', 'cgroup_'], ['cgroup_ns']],
  [['salvor', 'run', 'names'], ['namespaces']],
  [['salvor', 'help', 'disti'], ['distill']],
  [['salvor', 'processes', 'mem'], ['memory.elf']],
  [['salvor', 'distill', 'x', '--analyzers', 'thr'], ['threads']],
]

/** The same where analyzers have options of their own. */
const ownCases: [string[], string[]][] = [
  [['salvor', 'every-option', '--min'], ['--minimum']],
  [['salvor', 'eo', 'x', '--kind', 'wh'], ['whole']],
  [['salvor', 'eo', 'x', '--rules-file', 'mem'], ['memory.elf']],
  [['salvor', 'run', 'eo', '--needs-options.al'], ['--needs-options.alone']],
  [['salvor', 'run', 'eo', 'x', '--every-option.kind', 'qu'], ['quick']],
  [['salvor', 'distill', 'x', '--analyzers', 'lis'], []],
]

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0

function run(shell: string, script: string): string {
  const { stdout, stderr, status } = spawnSync(shell, ['-c', script], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 20_000,
  })
  expect([status, stderr]).toEqual([0, ''])
  return stdout.trim()
}

describe('bash', () => {
  beforeEach(({ skip }) => skip(!has('bash'), 'bash is not installed'))

  test.each([
    ...cases.map((one) => ['bash', ...one] as const),
    ...ownCases.map((one) => ['bash-own', ...one] as const),
  ])('of %s: %j completes to %j', (file, words, offered) => {
    const quoted = words.map((word) => `'${word}'`).join(' ')
    const script = `source ./${file}; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _salvor; echo "\${COMPREPLY[@]}"`
    expect(run('bash', script)).toEqual(offered.join(' '))
  })
})

describe('fish', () => {
  beforeEach(({ skip }) => skip(!has('fish'), 'fish is not installed'))

  test.each([
    ...cases.map((one) => ['fish', ...one] as const),
    ...ownCases.map((one) => ['fish-own', ...one] as const),
  ])('of %s: %j completes to %j', (file, words, offered) => {
    const lines = run('fish', `source ./${file}; complete -C '${words.join(' ')}'`).split('\n')
    expect(lines.flatMap((line) => line.split('\t')[0] || [])).toEqual(offered)
  })
})

describe('zsh', () => {
  beforeEach(({ skip }) => skip(!has('zsh'), 'zsh is not installed'))

  test('reads the script', () => {
    expect(run('zsh', 'zsh -n ./zsh')).toBe('')
  })

  test.each(cases)('%j completes to %j', (words, [offered]) => {
    // Only a terminal completes: zpty is one. What was typed is sent back with the rest of the word.
    const script = `
      zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell "PS1=; autoload -U compinit; compinit -u -D; source ./zsh; print -r READY"
      zpty -r shell seen '*READY*READY*'
      zpty -w -n shell '${words.join(' ')}'$'\\t'
      zpty -r shell seen '*${offered}*' && print found
      zpty -d shell`
    expect(run('zsh', script)).toBe('found')
  })
})

test('without a shell named, the script is for the one in use', async () => {
  const scripts = await Promise.all(
    ['/bin/bash', '/usr/bin/fish'].map((SHELL) => start(['completion'], { env: { SHELL } }).ended),
  )
  expect(scripts.map(({ stdout }) => stdout.split('\n')[0])).toEqual([
    '# bash completion for salvor',
    '# fish completion for salvor',
  ])
  const { code, stderr } = await start(['completion'], { env: { SHELL: '/bin/tcsh' } }).ended
  expect([code, stderr]).toEqual([2, 'salvor: completion for which shell? bash, zsh or fish\n'])
})
