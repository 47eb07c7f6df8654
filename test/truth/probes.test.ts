/** Perf events, trace events and uprobes: none where the guest says so, and those that a copy was given. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { list } from '../../dist/src/kernel/query.js'
import { sharedImage, sharedImages, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has no kprobe or uprobe events, as tracefs said', () => {
      expect(image.text('raw/sys-kernel-tracing-kprobe_events.txt')).toBe('')
      const { rows, warnings } = table('trace-events', image.as('elf'))
      expect(rows).toEqual([])
      expect(warnings.filter(({ code }) => code !== 'note')).toEqual([])
    })

    it('has no perf events but those that a process holds', () => {
      const open = table('open-files', image.as('elf')).rows.filter(({ type }) => type === 'perf_event')
      expect(table('perf-events', image.as('elf')).rows.length).toBe(open.length)
    })
  })
}

/** The first process. */
function init(kernel: Kernel): bigint {
  const tasks = kernel
    .symbol('init_task', 'struct task_struct')
    .walk(list('tasks', 'struct task_struct', 'tasks'))
    .select({ pid: 'pid' })
  const row = Array.from({ length: tasks.length }, (_, at) => at).find((at) => tasks.column('pid').number(at) === 1)
  return tasks.address(row ?? 0)
}

for (const name of ['docker-debian12', 'k8s-debian13']) {
  const image = sharedImage(name)
  describe(`a copy of ${image.title} with a uprobe and a hardware breakpoint`, () => {
    image.require()
    const copy = patchedCopy(image, (kernel) => {
      const page = kernel.address('empty_zero_page') ?? 0n
      const [uprobe, event, task] = [page + 512n, page + 1024n, init(kernel)]
      const root = kernel.address('uprobes_tree') ?? 0n
      const set = (object: bigint, type: string, path: string, value: bigint): Patch => {
        const { at, value: old } = word(kernel, object, type, path)
        return [at, old, value]
      }
      const inode = word(kernel, task, 'struct task_struct', 'mm->exe_file->f_inode').value
      const opened = word(kernel, task, 'struct task_struct', 'perf_event_list.next').at
      const entry = word(kernel, event, 'struct perf_event', 'owner_entry.next').at
      // Both halves of a word: the type, and the size of the attributes.
      const type = word(kernel, event, 'struct perf_event', 'attr.type').at
      return [
        set(root, 'struct rb_root', 'rb_node', uprobe),
        set(uprobe, 'struct uprobe', 'inode', inode),
        set(uprobe, 'struct uprobe', 'offset', 0x1234n),
        set(task, 'struct task_struct', 'perf_event_list.next', entry),
        set(task, 'struct task_struct', 'perf_event_list.prev', entry),
        set(event, 'struct perf_event', 'owner_entry.next', opened),
        set(event, 'struct perf_event', 'owner_entry.prev', opened),
        set(event, 'struct perf_event', 'owner', task),
        [type, 0n, 5n],
        set(event, 'struct perf_event', 'attr.bp_addr', kernel.address('sys_call_table') ?? 0n),
      ]
    })

    it('shows the file and place of the uprobe', () => {
      const { rows } = table('trace-events', copy.path)
      expect(rows).toMatchObject([
        { kind: 'breakpoint', target: expect.stringMatching(/\/systemd$/), offset: 0x1234, found_by: ['uprobe tree'] },
      ])
    })

    it('shows what the breakpoint watches, and who opened it', () => {
      const { rows } = table('perf-events', copy.path)
      expect(rows.filter(({ type }) => type === 'breakpoint')).toMatchObject([
        { symbol: 'sys_call_table', owner_pid: 1, pid: null, found_by: ['owner'] },
      ])
    })
  })
}
