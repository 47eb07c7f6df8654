import type { SqlResult } from '../case/sql.js'
import type { FormatName } from '../output/format.js'
import type { Guard } from '../output/target.js'
import { Writer } from '../output/writer.js'
import { DEFAULT_WIDTH, hasColour, type World } from './world.js'

export interface SqlOutput {
  readonly format: FormatName
  readonly output?: string
  readonly wide: boolean
  readonly guard: Guard
  /** What is asked, as it was given. */
  readonly subject: string
}

/** Writes one result as every other table is written, hostile text escaped. */
export async function writeResult(world: World, { columns, batches }: SqlResult, asked: SqlOutput): Promise<void> {
  const { format, output, wide, guard, subject } = asked
  const toTerminal = output === undefined && world.stdout.isTTY === true
  const writer = await Writer.make(
    {
      format,
      stdout: world.stdout,
      images: [subject],
      tables: ['sql'],
      guard,
      ...(output === undefined ? {} : { output }),
    },
    {
      several: false,
      wide,
      named: true,
      colour: output === undefined && hasColour(world.stdout, world.env),
      note: (line) => void world.stderr.write(`note: ${line}\n`),
      ...(toTerminal ? { width: world.stdout.columns || DEFAULT_WIDTH } : {}),
    },
  )
  world.onAbort(() => writer.abort())
  try {
    const head = { table: 'sql', image: subject, columns }
    await writer.start(head)
    for await (const batch of batches) await writer.rows(head, batch)
    await writer.end(head, [])
    await writer.finish()
  } finally {
    writer.abort()
  }
}
