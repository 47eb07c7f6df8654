import { rmSync, statSync, writeFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { HashedFileRecord } from '../../case/manifest.js'
import { SalvorError } from '../../engine/errors.js'
import { exitCodes } from '../../engine/status.js'
import { anyOf, choice } from '../../engine/words.js'
import { isElsewhere } from '../../intake/names.js'
import type { Converted } from '../../kernel/backend.js'
import { AtomicFile } from '../../output/sink.js'
import { type Guard, isStream, isThere } from '../../output/target.js'
import { version } from '../../version.js'
import type { Command, Invocation } from '../command.js'
import { cacheOptions, intakeOptions, quietOption, readRunOptions, singleOption, unpackOption } from '../options.js'
import { StderrReporter } from '../reporter.js'
import { imagePath, makeEngine, openOptions, outputGuard, type Session } from '../session.js'
import type { World } from '../world.js'

const formats = ['raw', 'lime', 'avml', 'elf'] as const
type Format = (typeof formats)[number]

/** What the name of a file in a format ends in. */
const endings: Readonly<Record<string, Format>> = {
  '.raw': 'raw',
  '.mem': 'raw',
  '.bin': 'raw',
  '.lime': 'lime',
  '.avml': 'avml',
  '.elf': 'elf',
  '.core': 'elf',
}
const MANIFEST = '.manifest.json'
/** As the core counts them. */
const phases = ['unpacking', 'writing', 'comparing']
const reasons = ['absent', 'left out', 'unreadable'] as const

function formatOf(output: string, asked: string | undefined): Format {
  const ending = extname(output).toLowerCase()
  const format = asked === undefined ? endings[ending] : choice('--format', asked, formats)
  if (format === undefined) {
    throw new SalvorError('USAGE', `the name of ${output} tells no format: end it in ${anyOf(Object.keys(endings))}`)
  }
  if (format === 'raw' && ending === '.vmem') {
    throw new SalvorError('USAGE', `${output} would be read as VMware's by its name: give raw memory another`)
  }
  return format
}

interface Stretch {
  readonly start: string
  readonly bytes: number
}

function stretches(pairs: BigUint64Array): Stretch[] {
  return Array.from({ length: pairs.length / 2 }, (_, index) => ({
    start: `0x${(pairs[2 * index] ?? 0n).toString(16)}`,
    bytes: Number(pairs[2 * index + 1] ?? 0n),
  }))
}

function bytesOf(parts: readonly Stretch[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** What is on record of a conversion. */
function manifestOf(
  { format, machine, held, missing, reasons: why, warnings, notes }: Converted,
  source: readonly HashedFileRecord[],
  target: HashedFileRecord & { readonly format: Format },
  [started, ended]: readonly [string, string],
) {
  const ranges = stretches(held)
  const gone = stretches(missing).map((part, index) => ({ ...part, why: reasons[why[index] ?? 0] }))
  return {
    tool: { name: 'salvor', version },
    started,
    ended,
    source: { format, machine: machine ?? null, files: source },
    target,
    memory: {
      bytes: bytesOf(ranges),
      ranges,
      missing_bytes: bytesOf(gone),
      missing: gone,
      missing_as: target.format === 'raw' ? 'zeros: raw has no way to say what is not there' : 'nothing',
    },
    verified: 'read back and compared with the source: every byte of the ranges, and that there is nothing else',
    warnings,
    notes,
  }
}

type Manifest = ReturnType<typeof manifestOf>

/** What is said of memory that the image should have and the file has not. */
function missingWarnings({ memory }: Manifest, format: Format) {
  const lost = memory.missing.filter(({ why }) => why !== 'left out')
  const leftOut = memory.missing.filter(({ why }) => why === 'left out')
  const written = format === 'raw' ? 'are zeros in it, as the manifest lists them' : 'are not in it'
  const line = (parts: readonly Stretch[], what: string) => `${bytesOf(parts)} bytes of memory ${what} and ${written}`
  return [
    ...(lost.length > 0 ? [{ code: 'unreadable', message: line(lost, 'could not be read') }] : []),
    ...(leftOut.length > 0
      ? [{ code: 'note', message: line(leftOut, 'were left out of the image when it was made') }]
      : []),
  ]
}

/** There is no --force: what is there may be somebody's evidence. */
function refuseExisting(path: string, { inputs }: Guard): void {
  inputs.refuse(path)
  if (isThere(path) && !isStream(path)) {
    throw new SalvorError('USAGE', `${path} is there already, and convert replaces nothing`)
  }
}

async function hashed(paths: readonly string[], { signal }: World, reporter: StderrReporter) {
  const { hashEvidence } = await import('../../batch/hash-files.js')
  const total = paths.reduce((sum, path) => sum + statSync(path).size, 0)
  let done = 0
  const advance = (bytes: number): void => {
    done += bytes
    reporter.progress('hashing', done, total)
  }
  return (await hashEvidence(paths, signal, advance)).files
}

/** Puts both files in their places, or none. */
function settle(output: string, file: AtomicFile, record: AtomicFile): void {
  file.commit()
  try {
    record.commit()
  } catch (error) {
    rmSync(output, { force: true })
    throw error
  }
}

async function convert(session: Session, path: string, output: string, format: Format): Promise<number> {
  const { world, options } = session
  const guard = await outputGuard(session, [path])
  const manifestPath = `${output}${MANIFEST}`
  for (const name of [output, manifestPath]) refuseExisting(name, guard)
  const [file, record] = [new AtomicFile(output, guard), new AtomicFile(manifestPath, guard)]
  const reporter = new StderrReporter(world, options.quiet)
  const engine = makeEngine(session)
  const stop = (): void => {
    file.abort()
    record.abort()
  }
  world.onAbort(stop)
  const started = new Date().toISOString()
  try {
    const task = { path, options: openOptions(options, world.env), format }
    const progress = (phase: number, done: number, total: number): void =>
      reporter.progress(phases[phase] ?? '', done, total)
    // It is told before anything is written where it cannot be had.
    if (isElsewhere(path)) await engine.receive(path, (done, total) => reporter.progress('receiving', done, total))
    const converted = await file.filledBy((temporary) => engine.convert({ ...task, output: temporary }, progress))
    const { received } = converted
    const read = received === undefined ? converted.files : []
    const [target, ...others] = await hashed([file.temporary, ...read], world, reporter)
    if (world.signal.aborted || target === undefined) return exitCodes.interrupted
    const source = received === undefined ? others : [received]
    const absolute = (name: string): string => imagePath(world.directory, name)
    const manifest = manifestOf(
      converted,
      source.map((record) => ({ ...record, path: absolute(record.path) })),
      { ...target, path: absolute(output), format },
      [started, new Date().toISOString()],
    )
    const text = `${JSON.stringify(manifest, null, 2)}\n`
    record.attempt(() => writeFileSync(record.temporary, text, { flag: 'wx', mode: 0o600 }))
    settle(output, file, record)
    const truncated = converted.warnings.map((message) => ({ code: 'truncated', message }))
    const notes = converted.notes.map((message) => ({ code: 'note', message }))
    const warnings = [...truncated, ...notes, ...missingWarnings(manifest, format)]
    reporter.warnings(warnings)
    const { bytes, ranges } = manifest.memory
    reporter.log(`${output} holds ${bytes} bytes of memory in ${ranges.length} ranges, compared with ${path}`)
    reporter.log(`SHA-256 ${target.sha256}; it and that of ${path} are in ${manifestPath}`)
    return warnings.some(({ code }) => code !== 'note') ? exitCodes.partial : exitCodes.complete
  } finally {
    stop()
    reporter.close()
    await engine.close()
  }
}

export const convertCommand: Command = {
  name: 'convert',
  arguments: [
    { name: 'image', kind: 'image' },
    { name: 'output', kind: 'new name' },
  ],
  summary: 'Writes an image in another format, compares the two and records their hashes',
  description:
    'Reads any image that salvor opens. What is written is read back and compared byte by byte; a manifest beside it has ' +
    'the SHA-256 of both, which memory is there and which is not. Neither may exist before, and neither is left behind ' +
    'when anything fails. What the image lacks is not in the copy either; raw memory has zeros there.',
  examples: [
    { command: 'salvor convert memory.kdump memory.raw', what: 'for a tool that reads raw memory alone' },
    { command: 'salvor convert memory.lime.xz guest --format elf', what: 'an ELF core of a packed image' },
    {
      command: 'ssh node-1 sudo avml /dev/stdout | salvor convert - node-1.lime',
      what: 'one that is piped in; s3://BUCKET/KEY is fetched',
    },
  ],
  options: [
    {
      name: 'format',
      alias: 'f',
      value: 'FORMAT',
      choices: formats,
      summary: 'raw, lime, avml (version 2, packed) or elf (default: what the name of the output ends in)',
    },
    ...cacheOptions,
    unpackOption,
    ...intakeOptions,
    quietOption,
  ],
  run: async ({ raw, world, registry }: Invocation) => {
    const output = String(raw.output)
    const format = formatOf(output, singleOption(raw.format))
    // The format of tables has the same name.
    const options = readRunOptions({ ...raw, format: undefined, output: undefined })
    return convert({ world, registry, options }, String(raw.image), output, format)
  },
}
