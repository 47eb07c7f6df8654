/** A process that the test itself takes off every list in a copy of the image: only the scan can name it. */

import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf } from '../../dist/src/kernel/query.js'
import { samples, sharedImages, type TruthImage, type TruthProcess, table } from './images.js'

const TASK = 'struct task_struct'
const LISTS = ['tasks', 'sibling', 'thread_node']
const PID_LINKS = [0, 1, 2, 3].map((type) => `pid_links[${type}]`)

/** A word to write: its physical address, what has to be there, and what comes there. */
type Patch = [physical: bigint, old: bigint, value: bigint]

/** What a rootkit does: the neighbours on each list forget the task, and no number leads to it any more. */
function unlink(kernel: Kernel, task: bigint): Patch[] {
  const select = Object.fromEntries([
    ...LISTS.flatMap((name) => [
      [`${name}.at`, addressOf(name)],
      [`${name}.next`, `${name}.next`],
      [`${name}.prev`, `${name}.prev`],
    ]),
    ...PID_LINKS.flatMap((name) => [
      [`${name}.at`, addressOf(name)],
      [`${name}.next`, `${name}.next`],
      [`${name}.pprev`, `${name}.pprev`],
    ]),
  ])
  const batch = kernel.at([task], TASK).select(select)
  const value = (name: string) => batch.column(name).bigint(0) ?? 0n
  const write = (address: bigint, old: bigint, word: bigint): Patch => {
    const physical = kernel.physical(address)
    if (physical === null) throw new Error(`0x${address.toString(16)} is not mapped`)
    return [physical, old, word]
  }
  return [
    ...LISTS.flatMap((name) => {
      const [at, next, prev] = [value(`${name}.at`), value(`${name}.next`), value(`${name}.prev`)]
      // list_head: next at 0, prev at 8. list_del_init().
      return [write(prev, at, next), write(next + 8n, at, prev), write(at, next, at), write(at + 8n, prev, at)]
    }),
    ...PID_LINKS.flatMap((name) => {
      const [at, next, pprev] = [value(`${name}.at`), value(`${name}.next`), value(`${name}.pprev`)]
      // hlist_node: next at 0, pprev at 8. hlist_del_rcu() but for the node itself.
      return pprev === 0n ? [] : [write(pprev, at, next), ...(next === 0n ? [] : [write(next + 8n, at, pprev)])]
    }),
  ]
}

/** A process of one thread, if there is one whose executable was deleted. */
function victimOf(image: TruthImage): TruthProcess {
  const processes = image.processes().filter(({ exe, num_threads }) => exe !== null && num_threads === 1)
  const victim = processes.find(({ exe }) => exe?.endsWith('(deleted)')) ?? processes.at(-1)
  if (!victim) throw new Error('no process to hide')
  return victim
}

/** Writes a copy in which no list knows the victim. */
function hide(victim: TruthProcess, copy: string): void {
  const kernel = Kernel.attach(Kernel.open(copy, { cacheDir: null }).id, () => {})
  const [row] = table('processes', copy, '--pid', `${victim.pid}`).rows
  const patches = unlink(kernel, BigInt(row?.address as string))
  kernel.close()
  const file = openSync(copy, 'r+')
  const bytes = Buffer.alloc(8)
  for (const [physical, old, word] of patches) {
    readSync(file, bytes, 0, 8, Number(physical))
    expect(bytes.readBigUInt64LE()).toBe(old)
    bytes.writeBigUInt64LE(word)
    writeSync(file, bytes, 0, 8, Number(physical))
  }
  closeSync(file)
}

for (const image of [...samples(), ...sharedImages()]) {
  describe(`${image.title} with a hidden process`, () => {
    image.require()
    let folder = ''
    let copy = ''
    let victim: TruthProcess

    beforeAll(() => {
      if (image.missing) return
      const raw = image.as('raw')
      folder = mkdtempSync(join(dirname(raw), '.hidden-'))
      copy = join(folder, 'memory.raw')
      execFileSync('cp', ['--sparse=always', '--reflink=auto', raw, copy])
      victim = victimOf(image)
      hide(victim, copy)
    }, 120_000)

    afterAll(() => {
      if (folder !== '') rmSync(folder, { recursive: true })
    })

    it('is gone from the process and thread tables', () => {
      expect(table('processes', copy, '--pid', `${victim.pid}`).rows).toEqual([])
      expect(table('threads', copy, '--pid', `${victim.pid}`).rows).toEqual([])
    })

    it('is named by the scan as live and known to no view', () => {
      const hidden = table('process-scan', copy).rows.filter(
        ({ status, found_by }) => status === 'live' && (found_by as string[]).length === 0,
      )
      const { pid, comm, exe, cmdline } = victim
      expect(hidden).toMatchObject([{ pid, tid: pid, comm, exe, args: cmdline }])
    })
  })
}
