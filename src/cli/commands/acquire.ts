import type { Columns, Value } from '../../api/columns.js'
import { SalvorError } from '../../engine/errors.js'
import { exitCodes } from '../../engine/status.js'
import { anyOf, choice } from '../../engine/words.js'
import { printable } from '../../output/escape.js'
import { Inputs } from '../../output/target.js'
import { Writer } from '../../output/writer.js'
import type { Command, Invocation, Option } from '../command.js'
import { forceOption, readRunOptions, tableOptions } from '../options.js'
import { StderrReporter } from '../reporter.js'
import { wordsIn } from '../words.js'
import { DEFAULT_WIDTH, hasColour, type World } from '../world.js'

const actions = ['plan', 'verify'] as const
const targetNames = ['kubernetes', 'eks', 'host', 'ec2', 'ecs', 'fargate'] as const

/** What a plan can be told; which of them a target takes, it says itself (src/acquire/targets/). */
const planOptions: readonly Option[] = [
  { name: 'output-dir', alias: 'd', value: 'DIR', summary: 'The folder for the plan' },
  { name: 'case', value: 'NAME', summary: 'The case, which everything is labelled with' },
  { name: 'to', value: 'WHERE', summary: 's3://BUCKET/PREFIX, presigned, claim:NAME (Kubernetes) or /FOLDER' },
  { name: 'node', value: 'NAME', repeatable: true, summary: 'A node of the cluster; several are a DaemonSet' },
  {
    name: 'pod',
    value: 'NAMESPACE/POD',
    repeatable: true,
    summary: 'A pod to checkpoint, or with /CONTAINER one container of it',
  },
  { name: 'image', value: 'NAME@sha256:...', summary: 'The container image with AVML, by its digest' },
  { name: 'namespace', value: 'NAME', summary: 'The namespace that is made for it (default: salvor-acquire)' },
  { name: 'role', value: 'ARN', summary: 'The role of the pod, by IRSA' },
  { name: 'region', value: 'NAME', summary: 'The region of AWS (default: what the AWS CLI has)' },
  { name: 'cluster', value: 'NAME', summary: 'The cluster of EKS or ECS' },
  { name: 'instance', value: 'ID', summary: 'The EC2 instance' },
  { name: 'task', value: 'ID', repeatable: true, summary: 'A task of ECS' },
  { name: 'name', value: 'TEXT', summary: 'What the host is called in names of files' },
  { name: 'avml', value: 'PATH', summary: 'Where AVML is: a path on the host, or s3://BUCKET/KEY with ec2' },
  { name: 'avml-sha256', value: 'HASH', summary: 'What AVML must hash to; else it is not run' },
  { name: 'volume', value: 'ID', repeatable: true, summary: 'A disk to snapshot (default: all of the instance)' },
  { name: 'log-group', value: 'NAME', repeatable: true, summary: 'A log group of CloudWatch to secure' },
  { name: 'flow-logs', value: 'NAME', repeatable: true, summary: 'A log group with flow logs to secure' },
  { name: 'no-compress', summary: 'LiME, not AVML’s compressed format' },
  forceOption,
]

const verifyOptions: readonly Option[] = [
  { name: 'sha256', value: 'HASH', summary: 'What the manifest must hash to, as the capture printed it' },
  ...tableOptions.filter(({ name }) => ['format', 'output', 'force', 'wide', 'quiet'].includes(name)),
]

const columns: Columns = {
  manifest: { type: 'text', description: 'The manifest that speaks of it; null where none does' },
  file: { type: 'text', description: 'Its name in the folder of the manifest' },
  kind: { type: 'text', description: 'memory, facts, instance, checkpoint, record, or manifest' },
  state: {
    type: 'text',
    description: 'as captured, changed, missing, unreadable, damaged, incomplete or not in a manifest',
    nullable: false,
  },
  size: { type: 'bytes', description: 'How large it is here' },
  expected_size: { type: 'bytes', description: 'How large it was when it was taken', detail: true },
  sha256: { type: 'text', description: 'SHA-256 of it here; null where it was not read', detail: true },
  expected_sha256: { type: 'text', description: 'SHA-256 of what was taken, made on its way', detail: true },
  remark: { type: 'text', description: 'What is wrong with it' },
}

/** The options that were given, each as a list; those that were not are left out. */
function givenOf(raw: Invocation['raw']): Record<string, string[]> {
  const given: Record<string, string[]> = {}
  for (const { name, value } of planOptions) {
    // yargs has --no-compress as compress switched off.
    if (value === undefined) continue
    const values = [raw[name] ?? []].flat().map(String)
    if (values.length > 0) given[name] = values
  }
  if (raw.compress === false) given['no-compress'] = ['']
  return given
}

/** Options that say nothing about what is captured. */
const always: ReadonlySet<string> = new Set(['output-dir', 'case'])

async function plan({ raw, world }: Invocation): Promise<number> {
  const { targets } = await import('../../acquire/targets/index.js')
  const { readRequest } = await import('../../acquire/request.js')
  const { planFiles, writePlan } = await import('../../acquire/write.js')
  const name = choice('acquire plan', String(raw.what), targetNames)
  const target = targets.find((one) => one.name === name)
  if (target === undefined) throw new SalvorError('INTERNAL', `no plan is known for ${name}`)
  const given = givenOf(raw)
  const stray = Object.keys(given).find((option) => !always.has(option) && !target.takes.includes(option))
  if (stray !== undefined) {
    throw new SalvorError(
      'USAGE',
      `acquire plan ${name} does not take --${stray}: it takes --${target.takes.join(', --')}`,
    )
  }
  const missing = [['output-dir'], ['case'], ...target.needs]
    .filter((needed) => !needed.some((option) => given[option] !== undefined))
    .map((needed) => anyOf(needed.map((option) => `--${option}`)))
  if (missing.length > 0) throw new SalvorError('USAGE', `acquire plan ${name} needs ${missing.join(', ')}`)
  const request = readRequest(given)
  if (request.to.kind === 'claim' && !target.takes.includes('node')) {
    throw new SalvorError('USAGE', `--to claim:NAME is for a cluster, and not for ${name}`)
  }
  const files = planFiles(target.plan(request), request, name)
  const guard = { inputs: new Inputs(), force: raw.force === true }
  const paths = await writePlan(files, given['output-dir']?.at(-1) ?? '.', guard)
  for (const path of paths) world.stdout.write(`${printable(path)}\n`)
  return exitCodes.complete
}

/** The table of verdicts, as every other table is written. */
async function verdictWriter(path: string, raw: Invocation['raw'], world: World, reporter: StderrReporter) {
  const options = readRunOptions(raw)
  const { output } = options
  return Writer.make(
    {
      format: options.format,
      stdout: world.stdout,
      images: [path],
      tables: ['acquisition'],
      guard: { inputs: new Inputs([path]), force: options.force },
      ...(output === undefined ? {} : { output }),
    },
    {
      several: false,
      wide: options.wide,
      named: false,
      colour: output === undefined && hasColour(world.stdout, world.env),
      note: (line) => reporter.log(line),
      ...(output === undefined && world.stdout.isTTY === true ? { width: world.stdout.columns || DEFAULT_WIDTH } : {}),
    },
  )
}

async function verify({ raw, world }: Invocation): Promise<number> {
  const path = String(raw.what)
  const { exitCodeOfVerdicts, verify: verdictsOf } = await import('../../acquire/verify.js')
  // Loaded late: only a manifest with memory in it needs the core.
  const { native } = await import('../../kernel/native.js')
  const sha256 = raw.sha256 === undefined ? null : String([raw.sha256].flat().at(-1)).toLowerCase()
  if (sha256 !== null && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new SalvorError('USAGE', '--sha256 takes 64 hexadecimal digits')
  }
  const reporter = new StderrReporter(world, raw.quiet === true)
  const writer = await verdictWriter(path, raw, world, reporter)
  world.onAbort(() => writer.abort())
  const head = { table: 'acquisition', image: path, columns }
  const verdicts = []
  try {
    await writer.start(head)
    const options = {
      sha256,
      signal: world.signal,
      headersOf: (file: string) => JSON.parse(native.describeFile(file)),
      progress: (file: string, done: number, total: number) => reporter.progress(`hashing ${file}`, done, total),
    }
    for await (const one of verdictsOf(path, options)) {
      verdicts.push(one)
      const { expectedSize: expected_size, expectedSha256: expected_sha256, ...rest } = one
      const row: Record<string, Value> = { ...rest, expected_size, expected_sha256 }
      const values = Object.keys(columns).map((name) => [name, [row[name] ?? null]])
      await writer.rows(head, { length: 1, columns: Object.fromEntries(values) })
    }
    await writer.end(head, [])
    await writer.finish()
  } catch (error) {
    if (world.signal.aborted) return exitCodes.interrupted
    throw error
  } finally {
    writer.abort()
    reporter.close()
  }
  return exitCodeOfVerdicts(verdicts)
}

const examples = [
  {
    command:
      'salvor acquire plan eks --case IR-7 --cluster prod --node ip-10-0-1-7.eu-west-1.compute.internal --image registry.example/acquire@sha256:0000000000000000000000000000000000000000000000000000000000000000 --to s3://evidence/IR-7 -d plan',
    what: 'everything around one node of EKS; plan/README.md is the checklist',
  },
  {
    command: 'salvor acquire plan host --case IR-7 --to /mnt/evidence -d plan',
    what: 'a script for one host',
  },
  {
    command: 'salvor acquire verify evidence',
    what: 'every manifest in a folder, and the files that each names',
  },
] as const

function commandFor(action: string | undefined): Command {
  const options = action === 'plan' ? planOptions : action === 'verify' ? verifyOptions : everyOption
  return {
    name: 'acquire',
    arguments: [
      { name: 'action', kind: 'word', words: actions },
      { name: 'what', kind: 'word', words: targetNames },
    ],
    summary: 'Plans how memory is taken and delivered, and verifies what arrived',
    description:
      `acquire plan TARGET writes what captures ${anyOf(targetNames)}: objects, scripts, and a checklist in the order in ` +
      'which evidence is lost; each right that it asks for is explained. Nothing is run. acquire verify MANIFEST or FOLDER ' +
      'hashes what arrived against its manifest and looks at the headers of memory; 0 is all as captured, 3 something ' +
      'changed or unreadable, 5 something missing, damaged or not taken whole.',
    examples,
    options,
    narrowed: (argv) => commandFor(actionIn(argv)),
    run: async (invocation) => {
      const named = choice('acquire', String(invocation.raw.action), actions)
      return named === 'plan' ? plan(invocation) : verify(invocation)
    },
  }
}

const planNames = new Set(planOptions.map(({ name }) => name))
const everyOption = [...planOptions, ...verifyOptions.filter(({ name }) => !planNames.has(name))]

function actionIn(argv: readonly string[]): string | undefined {
  const [at] = wordsIn(argv, everyOption)
  return at === undefined ? undefined : argv[at]
}

export const acquireCommand: Command = commandFor(undefined)
