/** A process that the test itself takes off every list in a copy of the image: only the scan can name it. */

import { describe, expect, it } from 'vitest'
import { hiddenTask } from './changes.js'
import { samples, sharedImages, type TruthImage, type TruthProcess, table } from './images.js'
import { patchedCopy } from './patched.js'

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
      return hiddenTask(kernel, BigInt(row?.address as string))
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
