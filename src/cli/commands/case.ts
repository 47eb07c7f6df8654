import { resolve } from 'node:path'
import { exitCodes } from '../../engine/status.js'
import { Inputs } from '../../output/target.js'
import type { Command, Invocation } from '../command.js'
import { readRunOptions, singleOption, writingOptions } from '../options.js'

async function run({ raw, world }: Invocation): Promise<number> {
  const [{ CaseSource }, { overview }, { writeResult }] = await Promise.all([
    import('../../case/sql.js'),
    import('../../case/overview.js'),
    import('../sql-output.js'),
  ])
  const options = readRunOptions(raw)
  const subject = String(raw.case)
  const path = resolve(world.directory, subject)
  const document = singleOption(raw.caseUco)
  const source = await CaseSource.open(path)
  try {
    if (document !== undefined) {
      const { writeCaseUco } = await import('../case-uco-file.js')
      await writeCaseUco(source.store, document, world.directory, options.force)
    }
    await writeResult(world, await source.query(overview(await source.names())), {
      format: options.format,
      wide: options.wide,
      subject,
      guard: { inputs: new Inputs([path]), force: options.force },
      ...(options.output === undefined ? {} : { output: options.output }),
    })
    return exitCodes.complete
  } finally {
    source.close()
  }
}

export const caseCommand: Command = {
  name: 'case',
  arguments: [{ name: 'case', kind: 'case' }],
  summary: 'The images of a case: state, hash, kernel, findings by severity, warnings',
  examples: [{ command: 'salvor case incident/', what: 'what is in a case' }],
  options: [
    { name: 'case-uco', value: 'FILE', summary: 'Write what is on record of the evidence as CASE/UCO JSON-LD' },
    ...writingOptions,
  ],
  run,
}
