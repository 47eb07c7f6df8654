import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Columns } from '../../api/columns.js'
import { text } from '../../api/columns.js'
import type { Batch } from '../../api/table.js'
import type { Checked, HashFile, LookAt } from '../../case/verify.js'
import { exitCodes } from '../../engine/status.js'
import { isObjectName } from '../../intake/names.js'
import { printable } from '../../output/escape.js'
import { Inputs } from '../../output/target.js'
import type { Command, Invocation } from '../command.js'
import { endpointOption, quietOption, readRunOptions, singleOption, writingOptions } from '../options.js'
import { intakeSettings } from '../session.js'

const COLUMNS: Columns = {
  kind: text('chain, manifest, image or table'),
  what: text('What was looked at'),
  state: text('unchanged, changed, missing, added or not kept, as what was piped in'),
  how: text('What differs'),
}

async function run({ raw, world }: Invocation): Promise<number> {
  const [{ CaseStore }, { headOf, verify }, { hashEvidence }, { hashObject, lookAtObject }, { writeResult }] =
    await Promise.all([
      import('../../case/store.js'),
      import('../../case/verify.js'),
      import('../../batch/hash-files.js'),
      import('../../intake/intake.js'),
      import('../sql-output.js'),
    ])
  const options = readRunOptions(raw)
  const subject = String(raw.case)
  const path = resolve(world.directory, subject)
  const head = singleOption(raw.head)
  const intake = intakeSettings(options, world.env, world.directory)
  const store = await CaseStore.read(path)
  const counts = { unchanged: 0, other: 0 }
  const hashFile: HashFile = async (file) => {
    if (isObjectName(file.path)) return hashObject(file, intake, world.signal)
    return existsSync(file.path) ? (await hashEvidence([file.path], world.signal)).sha256 : null
  }
  const lookAt: LookAt = (file) => lookAtObject(file, intake, world.signal)
  async function* rows(): AsyncGenerator<Batch> {
    for await (const checked of verify(store, { hashFile, lookAt, ...(head === undefined ? {} : { head }) })) {
      if (checked.state === 'unchanged') counts.unchanged++
      else if (checked.state !== 'not kept') counts.other++
      if (checked.state !== 'unchanged' || raw.all === true) yield batchOf(checked)
    }
  }
  try {
    await writeResult(
      world,
      { columns: COLUMNS, batches: rows() },
      {
        format: options.format,
        wide: options.wide,
        subject,
        guard: { inputs: new Inputs([path]), force: options.force },
        ...(options.output === undefined ? {} : { output: options.output }),
      },
    )
    if (!options.quiet) {
      const last = await headOf(store)
      const told = `${counts.unchanged} unchanged, ${counts.other} not; the chain ends with ${last ?? 'nothing'}`
      world.stderr.write(`${printable(`note: ${told}`)}\n`)
    }
    return counts.other === 0 ? exitCodes.complete : exitCodes.evidence
  } finally {
    store.close()
  }
}

function batchOf(checked: Checked): Batch {
  return { length: 1, columns: Object.fromEntries(Object.entries(checked).map(([name, value]) => [name, [value]])) }
}

export const verifyCommand: Command = {
  name: 'verify',
  arguments: [{ name: 'case', kind: 'case' }],
  summary: 'Whether a case and its images are as its manifests say; names what changed',
  description:
    'Each manifest names the hash of the one before it: who has kept the last one has all of them. Looks at the chain, at ' +
    'the rows of every table, and at the images themselves, under each path that they were given by; objects of buckets are read again, or asked for their ETag where they were not hashed. Ends with 3 where anything changed or is missing.',
  examples: [
    { command: 'salvor verify incident/', what: 'what changed since the images were analyzed' },
    {
      command: 'salvor verify incident/ --head 5f0c…',
      what: 'the same, and that the chain leads to a hash noted elsewhere',
    },
  ],
  options: [
    { name: 'head', value: 'HASH', summary: 'The hash of a manifest that was noted elsewhere' },
    { name: 'all', summary: 'Show what is unchanged, too' },
    ...writingOptions,
    endpointOption,
    quietOption,
  ],
  run,
}
