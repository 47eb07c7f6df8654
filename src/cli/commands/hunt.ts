import { resolve } from 'node:path'
import type { SqlResult } from '../../case/sql.js'
import { SalvorError } from '../../engine/errors.js'
import { exitCodes } from '../../engine/status.js'
import { Inputs } from '../../output/target.js'
import type { Command, Invocation } from '../command.js'
import { readRunOptions, singleOption, writingOptions } from '../options.js'

/** Saved queries that answer without an indicator. */
const RARE = 'rare-programs'
const ODD = 'same-image-other-programs'

async function huntFor(invocation: Invocation, path: string): Promise<{ result: SqlResult; close: () => void }> {
  const { raw, world } = invocation
  const [{ CaseSource }, { readIndicator, readList }, { huntQuery }, { savedQuery }] = await Promise.all([
    import('../../case/sql.js'),
    import('../../case/indicators.js'),
    import('../../case/hunt.js'),
    import('../../case/saved-queries.js'),
  ])
  const words = [raw.indicators ?? []].flat().map(String)
  const list = singleOption(raw.list)
  const saved = raw.rare === true ? RARE : raw.odd === true ? ODD : undefined
  const indicators = [
    ...words.map(readIndicator),
    ...(list === undefined ? [] : readList(resolve(world.directory, list))),
  ]
  if ((saved === undefined) === (indicators.length === 0))
    throw new SalvorError('USAGE', 'hunt for indicators, or with --rare or --odd for what few hosts have')
  const source = await CaseSource.open(path)
  try {
    const query = saved === undefined ? huntQuery(await source.tables(), indicators) : savedQuery(saved).sql
    if (query === undefined) throw new SalvorError('USAGE', 'the case has no tables yet')
    return { result: await source.query(query), close: () => source.close() }
  } catch (error) {
    source.close()
    throw error
  }
}

async function run(invocation: Invocation): Promise<number> {
  const { raw, world } = invocation
  const { writeResult } = await import('../sql-output.js')
  const options = readRunOptions(raw)
  const subject = String(raw.case)
  const path = resolve(world.directory, subject)
  const list = singleOption(raw.list)
  const { result, close } = await huntFor(invocation, path)
  try {
    await writeResult(world, result, {
      format: options.format,
      wide: options.wide,
      subject,
      guard: { inputs: new Inputs([path, ...(list === undefined ? [] : [list])]), force: options.force },
      ...(options.output === undefined ? {} : { output: options.output }),
    })
    return exitCodes.complete
  } finally {
    close()
  }
}

export const huntCommand: Command = {
  name: 'hunt',
  arguments: [
    { name: 'case', kind: 'case' },
    { name: 'indicators', kind: 'new name', optional: true, several: true },
  ],
  summary: 'Indicators over all images of a case, the rarest first',
  description:
    'An indicator is a hash, an address, a path, a command, a container image, a token or any text; its kind is seen, or ' +
    'said as KIND=VALUE. It is looked for in every table, in the columns in which it can stand.',
  examples: [
    { command: 'salvor hunt case 203.0.113.7 /tmp/.x/kdevtmpfsi', what: 'an address and a path' },
    {
      command: 'salvor hunt case --list iocs.json',
      what: 'a STIX 2.1 bundle, a MISP event, or a text with one a line',
    },
    { command: 'salvor hunt case --rare', what: 'programs by how few hosts run them' },
    { command: 'salvor hunt case --odd', what: 'what a container image runs on few of its nodes' },
  ],
  options: [
    { name: 'list', value: 'FILE', summary: 'Indicators of a file: STIX 2.1, MISP, or one a line' },
    { name: 'rare', summary: 'Programs that run on few hosts' },
    { name: 'odd', summary: 'Programs that a container image runs on few of the nodes that have it' },
    ...writingOptions,
  ],
  run,
}
