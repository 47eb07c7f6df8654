import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { CaseSource, SqlResult } from '../../case/sql.js'
import { SalvorError } from '../../engine/errors.js'
import { exitCodes, worst } from '../../engine/status.js'
import { printable } from '../../output/escape.js'
import { Inputs } from '../../output/target.js'
import type { Command, Invocation } from '../command.js'
import type { RuleText } from '../hunt-images.js'
import {
  cacheOptions,
  engineOptions,
  intakeOptions,
  readRunOptions,
  singleOption,
  symbolsOption,
  unpackOption,
  writingOptions,
} from '../options.js'

/** Saved queries that answer without an indicator. */
const RARE = 'rare-programs'
const ODD = 'same-image-other-programs'

interface Hunted {
  readonly result: SqlResult
  /** What was asked for and not looked at. */
  readonly unsearched: readonly string[]
  /** What was found nowhere, in words. */
  readonly unfound?: string | undefined
  readonly codes: readonly number[]
}

function textsOf(value: unknown): string[] {
  return [value ?? []].flat().map(String)
}

/** What is asked of the command line and of a list. */
async function asked({ raw, world }: Invocation) {
  const [{ readIndicator }, { readList, unsearchedLines }, { hasYara, readRules }] = await Promise.all([
    import('../../case/indicator.js'),
    import('../../case/indicators.js'),
    import('../hunt-images.js'),
  ])
  const file = singleOption(raw.list)
  const list = file === undefined ? undefined : readList(resolve(world.directory, file))
  const words = textsOf(raw.indicators)
  // As a batch takes lists of sources.
  const meant = words.find((word) => word.startsWith('@') && existsSync(resolve(world.directory, word.slice(1))))
  if (meant !== undefined) throw new SalvorError('USAGE', `hunt: ${meant} is a list: --list ${meant.slice(1)}`)
  const all = [...words.map(readIndicator), ...(list?.indicators ?? [])]
  const own = textsOf(raw.yara).map((path) => readRules(resolve(world.directory, path)))
  const listed = all
    .filter(({ kind }) => kind === 'yara')
    .map(({ value }, at): RuleText => ({ name: `YARA rules ${at + 1} of ${file}`, text: value }))
  const unsearched = unsearchedLines(list?.unsearched ?? [])
  const build = 'the addon for YARA rules is not built: run `npm run build:yara` in a checkout of salvor'
  if (own.length > 0 && !hasYara()) throw new SalvorError('USAGE', build)
  if (listed.length > 0 && !hasYara()) unsearched.push(`not searched: YARA rules (${listed.length}): ${build}`)
  return {
    indicators: all.filter(({ kind }) => kind !== 'yara'),
    rules: hasYara() ? [...own, ...listed] : [],
    unsearched,
    isAsked: all.length + own.length + (list?.unsearched.length ?? 0) > 0,
  }
}

async function huntFor(invocation: Invocation, source: CaseSource): Promise<Hunted> {
  const { raw, world, registry } = invocation
  const [{ huntQuery }, { unfoundLine }, { savedQuery }, { huntImages }] = await Promise.all([
    import('../../case/hunt.js'),
    import('../../case/hunt-unfound.js'),
    import('../../case/saved-queries.js'),
    import('../hunt-images.js'),
  ])
  const saved = raw.rare === true ? RARE : raw.odd === true ? ODD : undefined
  const { indicators, rules, unsearched, isAsked } = await asked(invocation)
  if ((saved === undefined) !== isAsked)
    throw new SalvorError('USAGE', 'hunt for indicators, or with --rare or --odd for what few hosts have')
  if (saved !== undefined)
    return { result: await source.query(savedQuery(saved).sql), unsearched: [], codes: [exitCodes.complete] }
  const scope = { process: textsOf(raw.process), in_container: textsOf(raw.inContainer), path: textsOf(raw.path) }
  if (rules.length === 0 && Object.values(scope).some(({ length }) => length > 0))
    throw new SalvorError('USAGE', 'hunt: --process, --in-container and --path say where YARA rules are looked for')
  const session = { world, registry, options: readRunOptions(raw) }
  const images =
    rules.length === 0 ? { hits: [], unsearched: [], codes: [] } : await huntImages(session, source.store, rules, scope)
  const { database } = source.store
  const tables = await source.tables()
  const query = await huntQuery(database, tables, indicators, images.hits)
  const unfound = await unfoundLine(database, tables.size, indicators)
  const all = [...unsearched, ...images.unsearched]
  const codes = [...images.codes, all.length > 0 ? exitCodes.partial : exitCodes.complete]
  return { result: await source.query(query), unsearched: all, unfound, codes }
}

async function run(invocation: Invocation): Promise<number> {
  const { raw, world } = invocation
  const [{ writeResult }, { CaseSource }] = await Promise.all([import('../sql-output.js'), import('../../case/sql.js')])
  const options = readRunOptions(raw)
  const subject = String(raw.case)
  const path = resolve(world.directory, subject)
  const files = [...textsOf(raw.list), ...textsOf(raw.yara)]
  const source = await CaseSource.open(path, invocation.registry)
  try {
    const { result, unsearched, unfound, codes } = await huntFor(invocation, source)
    for (const line of unsearched) world.stderr.write(`${printable(`warning: ${line}`)}\n`)
    if (world.signal.aborted) return exitCodes.interrupted
    await writeResult(world, result, {
      format: options.format,
      wide: options.wide,
      subject,
      guard: { inputs: new Inputs([path, ...files]), force: options.force },
      ...(options.output === undefined ? {} : { output: options.output }),
    })
    if (unfound !== undefined && !options.quiet) world.stderr.write(`${printable(`note: ${unfound}`)}\n`)
    return worst(codes)
  } finally {
    source.close()
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
    'An indicator is a hash, an address, a network, a path, a URL, a command, a container image, a token or any text; its ' +
    'kind is seen, or said as KIND=VALUE (domain, file, directory, user and mac are kinds, too). It is looked for in every ' +
    'table, in the columns in which it can stand. YARA rules are held against the images themselves, where these still are ' +
    'what was analyzed; they need an addon: `npm run build:yara`. What could not be looked for is said, and ends with 5.',
  examples: [
    { command: 'salvor hunt case 203.0.113.7 /tmp/.x/kdevtmpfsi', what: 'an address and a path' },
    {
      command: 'salvor hunt case --list iocs.json',
      what: 'a STIX 2.1 bundle, a MISP event, or a text with one a line',
    },
    { command: 'salvor hunt case --yara miners.yar', what: 'YARA rules over all memory of all images' },
    {
      command: 'salvor hunt case --yara shells.yar --in-container shop-web-1',
      what: "only in the memory of a container's processes",
    },
    { command: 'salvor hunt case --rare', what: 'programs by how few hosts run them' },
    { command: 'salvor hunt case --odd', what: 'what a container image runs on few of its nodes' },
  ],
  options: [
    { name: 'list', value: 'FILE', summary: 'Indicators of a file: STIX 2.1, MISP, or one a line' },
    { name: 'rare', summary: 'Programs that run on few hosts' },
    { name: 'odd', summary: 'Programs that a container image runs on few of the nodes that have it' },
    { name: 'yara', value: 'FILE', repeatable: true, summary: 'YARA rules, held against the images of the case' },
    { name: 'process', value: 'PID', repeatable: true, summary: 'With YARA rules: only in memory of this process' },
    {
      name: 'in-container',
      value: 'NAME',
      repeatable: true,
      summary: "With YARA rules: only in memory of this container's processes, by name or id",
    },
    {
      name: 'path',
      value: 'PATH',
      repeatable: true,
      summary: 'With YARA rules: only in what is in memory of this file, or below it',
    },
    ...writingOptions,
    ...engineOptions,
    ...cacheOptions,
    symbolsOption,
    unpackOption,
    ...intakeOptions,
  ],
  run,
}
