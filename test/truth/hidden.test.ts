/** A process that the test itself takes off every list in a copy of the image: only the scan can name it. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { samples, sharedImages, type TruthImage, type TruthProcess, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

const TASK = 'struct task_struct'
const LISTS = ['tasks', 'sibling', 'thread_node']
const PID_LINKS = [0, 1, 2, 3].map((type) => `pid_links[${type}]`)

/** What a rootkit does: the neighbours on each list forget the task, and no number leads to it any more. */
function unlink(kernel: Kernel, task: bigint): Patch[] {
  const of = (path: string) => word(kernel, task, TASK, path)
  return [
    ...LISTS.flatMap((name): Patch[] => {
      const [{ at, value: next }, { value: prev }] = [of(`${name}.next`), of(`${name}.prev`)]
      // list_head: next at 0, prev at 8. list_del_init().
      return [
        [prev, at, next],
        [next + 8n, at, prev],
        [at, next, at],
        [at + 8n, prev, at],
      ]
    }),
    ...PID_LINKS.flatMap((name): Patch[] => {
      const [{ at, value: next }, { value: pprev }] = [of(`${name}.next`), of(`${name}.pprev`)]
      // hlist_node: next at 0, pprev at 8. hlist_del_rcu() but for the node itself.
      if (pprev === 0n) return []
      return [[pprev, at, next], ...(next === 0n ? [] : [[next + 8n, at, pprev] satisfies Patch])]
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

for (const image of [...samples(), ...sharedImages()]) {
  describe(`${image.title} with a hidden process`, () => {
    image.require()
    let victim: TruthProcess
    const copy = patchedCopy(image, (kernel, path) => {
      victim = victimOf(image)
      const [row] = table('processes', path, '--pid', `${victim.pid}`).rows
      return unlink(kernel, BigInt(row?.address as string))
    })

    it('is gone from the process and thread tables', () => {
      expect(table('processes', copy.path, '--pid', `${victim.pid}`).rows).toEqual([])
      expect(table('threads', copy.path, '--pid', `${victim.pid}`).rows).toEqual([])
    })

    it('is named by the scan as live and known to no view', () => {
      const hidden = table('process-scan', copy.path).rows.filter(
        ({ status, found_by }) => status === 'live' && (found_by as string[]).length === 0,
      )
      const { pid, comm, exe, cmdline } = victim
      expect(hidden).toMatchObject([{ pid, tid: pid, comm, exe, args: cmdline, unlisted: 'hidden' }])
    })
  })
}
