/** The analyzer that `salvor new-plugin` writes. It lists facts about the opened image, so that it runs on any. */
export function pluginSource(name: string): string {
  return `import { defineAnalyzer, text } from 'salvor'

export default defineAnalyzer({
  name: '${name}',
  area: 'own',
  summary: 'Facts about the opened image',
  columns: {
    fact: text('What is known'),
    value: text('What it is'),
  },
  examples: [{ command: 'salvor ${name} memory.elf --plugin ./${name}.ts', what: 'The facts of one image' }],
  async *run({ kernel }) {
    for (const [fact, value] of Object.entries(kernel.info)) {
      if (typeof value === 'string') yield { fact, value }
    }
  },
})
`
}

/** Its test, for vitest: the analyzer is called with a context of the test's own. */
export function pluginTest(name: string): string {
  return `import { expect, test } from 'vitest'
import analyzer from './${name}.js'

test('${name} lists the facts of an image', async () => {
  const context = { kernel: { info: { release: '6.1.0', size: 4096 } } } as unknown as Parameters<typeof analyzer.run>[0]
  const rows = []
  for await (const row of analyzer.run(context)) rows.push(row)
  expect(rows).toEqual([{ fact: 'release', value: '6.1.0' }])
})
`
}
