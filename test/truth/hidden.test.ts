/** A process that the test itself takes off every list in a copy of the image: only the scan can name it. */

import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf } from '../../dist/src/kernel/query.js'
import { IMAGES, sharedImages, type TruthImage, table } from './images.js'

const TASK = 'struct task_struct'
const LISTS = ['tasks', 'sibling', 'thread_node']
const PID_LINKS = [0, 1, 2, 3].map((type) => `pid_links[${type}]`)

/** Words to write: physical address and value. */
type Patch = [physical: bigint, value: bigint]

/** What a rootkit does: the neighbours on each list forget the task, and no number leads to it any more. */
function unlink(kernel: Kernel, task: bigint): Patch[] {
  const select = Object.fromEntries([
    ...LISTS.flatMap((name) => [
      [`${name}.at`, addressOf(name)],
      [`${name}.next`, `${name}.next`],
      [`${name}.prev`, `${name}.prev`],
    ]),
    ...PID_LINKS.flatMap((name) => [
      [`${name}.next`, `${name}.next`],
      [`${name}.pprev`, `${name}.pprev`],
    ]),
  ])
  const batch = kernel.at([task], TASK).select(select)
  const value = (name: string) => batch.column(name).bigint(0) ?? 0n
  const write = (address: bigint, word: bigint): Patch => {
    const physical = kernel.physical(address)
    if (physical === null) throw new Error(`0x${address.toString(16)} is not mapped`)
    return [physical, word]
  }
  return [
    ...LISTS.flatMap((name) => {
      const [at, next, prev] = [value(`${name}.at`), value(`${name}.next`), value(`${name}.prev`)]
      // list_head: next at 0, prev at 8. list_del_init().
      return [write(prev, next), write(next + 8n, prev), write(at, at), write(at + 8n, at)]
    }),
    ...PID_LINKS.flatMap((name) => {
      const [next, pprev] = [value(`${name}.next`), value(`${name}.pprev`)]
      return pprev === 0n ? [] : [write(pprev, next), ...(next === 0n ? [] : [write(next + 8n, pprev)])]
    }),
  ]
}

function victimOf(image: TruthImage): number {
  const [first] = image.processes().filter(({ exe }) => exe?.endsWith('(deleted)'))
  if (!first) throw new Error('no process with a deleted executable to hide')
  return first.pid
}

for (const image of sharedImages()) {
  describe(`${image.name} with a hidden process`, () => {
    const folder = mkdtempSync(join(IMAGES, '.hidden-'))
    const copy = join(folder, 'memory.raw')
    const victim = victimOf(image)

    beforeAll(() => {
      execFileSync('cp', ['--sparse=always', '--reflink=auto', image.as('raw'), copy])
      const kernel = Kernel.attach(Kernel.open(copy, { cacheDir: null }).id, () => {})
      const [row] = table('processes', copy, '--pid', `${victim}`).rows
      const patches = unlink(kernel, BigInt(row?.address as string))
      kernel.close()
      const file = openSync(copy, 'r+')
      for (const [physical, word] of patches) {
        const bytes = Buffer.alloc(8)
        bytes.writeBigUInt64LE(word)
        writeSync(file, bytes, 0, 8, Number(physical))
      }
      closeSync(file)
    })

    afterAll(() => rmSync(folder, { recursive: true }))

    it('is gone from the process and thread tables', () => {
      expect(table('processes', copy, '--pid', `${victim}`).rows).toEqual([])
      expect(table('threads', copy, '--pid', `${victim}`).rows).toEqual([])
    })

    it('is named by the scan as live and known to no view', () => {
      const hidden = table('process-scan', copy).rows.filter(
        ({ status, found_by }) => status === 'live' && (found_by as string[]).length === 0,
      )
      const truth = image.processes().find(({ pid }) => pid === victim)
      expect(hidden).toMatchObject([
        { pid: victim, tid: victim, comm: truth?.comm, exe: truth?.exe, args: truth?.cmdline },
      ])
    })
  })
}
