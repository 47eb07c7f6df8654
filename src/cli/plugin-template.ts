/** The analyzer that `salvor new-plugin` writes: it reads a list of the kernel's, so that there is something to change. */
export function pluginSource(name: string): string {
  return `import { address, defineAnalyzer, integer, option, text } from 'salvor'
import { read } from 'salvor/kernel'

const TASK = 'struct task_struct'

export default defineAnalyzer({
  name: '${name}',
  summary: 'Processes with their nice value',
  columns: {
    address: address('Address of the task_struct'),
    pid: integer('Process id', { meaning: 'pid' }),
    comm: text('Name of the process'),
    nice: integer('Nice value: from -20, served first, to 19'),
  },
  options: {
    most: option.count('Only processes with a nice value up to this', { default: 19, least: -20, most: 19 }),
  },
  examples: [{ command: 'salvor ${name} memory.elf --plugin ./${name}.ts', what: 'All processes of one image' }],
  async *run({ kernel, options }) {
    const tasks = kernel.symbol('init_task', TASK).walk(read.list('tasks', TASK, 'tasks'))
    for (const task of tasks.select({ pid: 'tgid', comm: read.text('comm'), nice: 'static_prio - 120' })) {
      // What could not be read is shown, not left out.
      if (task.nice === null || Number(task.nice) <= options.most) yield task
    }
  },
})
`
}

/** Its test, for vitest: the analyzer runs on the sample that salvor brings along. */
export function pluginTest(name: string): string {
  return `import { runAnalyzer } from 'salvor/testing'
import { expect, test } from 'vitest'
import analyzer from './${name}.js'

test('${name} lists processes with their nice value', async () => {
  const { rows, warnings } = await runAnalyzer(analyzer)
  expect(rows).toContainEqual(expect.objectContaining({ pid: 1, comm: 'systemd', nice: 0 }))
  expect(rows).toContainEqual(expect.objectContaining({ comm: 'kworker/0:0H', nice: -20 }))
  expect(warnings).toEqual([])
})

test('--most leaves out what is served later', async () => {
  const { rows } = await runAnalyzer(analyzer, { options: { most: -20 } })
  expect(rows).toContainEqual(expect.objectContaining({ comm: 'kworker/0:0H' }))
  expect(rows).not.toContainEqual(expect.objectContaining({ pid: 1 }))
})
`
}
