/** Traced threads against TracerPid in /proc/PID/task/TID/status, and what only one side knows. */

import { describe, expect, it } from 'vitest'
import { samples, sharedImages, type TruthTask, table } from './images.js'
import { patchedCopy, word } from './patched.js'

interface Traced {
  threads: (TruthTask & { tracer_pid: number })[]
}

const TASK = 'struct task_struct'

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has every traced thread, and none else', () => {
      const threads = (image.processes() as unknown as Traced[]).flatMap((process) => process.threads)
      const wanted = threads
        .filter(({ tracer_pid }) => tracer_pid !== 0)
        .map(({ tid, comm, tracer_pid }) => ({ tid, comm, tracer_tid: tracer_pid }))
      expect(threads.length).toBeGreaterThan(100)
      expect(table('ptrace', image.as('elf')).rows).toMatchObject(wanted)
      expect(table('ptrace', image.as('elf')).rows).toHaveLength(wanted.length)
    })
  })
}

for (const image of [...samples(), ...sharedImages()].filter(({ name }) => name === 'docker-debian12')) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('names the planted child and who traces it', () => {
      expect(table('ptrace', image.as(own)).rows).toMatchObject([
        { tid: 1508, pid: 1508, comm: 'traced-child', tracer_pid: 1507, state: 't', found_by: ['thread', 'tracer'] },
      ])
    })
  })

  describe(`${image.title} with a tracer that left its list`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel, path) => {
      const tracer = BigInt(table('processes', path, '--pid', '1507').rows[0]?.address as string)
      const [next, prev] = ['next', 'prev'].map((link) => word(kernel, tracer, TASK, `ptraced.${link}`))
      if (next === undefined || prev === undefined) throw new Error('no list')
      return [
        [next.at, next.value, next.at],
        [prev.at, prev.value, next.at],
      ]
    })

    it('is still named, by the thread alone', () => {
      expect(table('ptrace', copy.path).rows).toMatchObject([{ tid: 1508, tracer_pid: 1507, found_by: ['thread'] }])
    })
  })
}
