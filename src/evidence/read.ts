/** Reads evidence files: what each is, and what it says, with what could not be read of it as warnings. */

import type { EvidenceFile } from '../api/source.js'
import type { Warning } from '../warning.js'
import { readYaml } from '../yaml.js'
import type { ArchiveFormat, DocumentFormat, Format, LineFormat, Losses } from './format.js'
import { allowList } from './formats/allow-list.js'
import { auditLog } from './formats/audit.js'
import { checkpoint } from './formats/checkpoint.js'
import { cloudTrail, cloudTrailLines } from './formats/cloudtrail.js'
import { cloudWatchAnswer, cloudWatchLines } from './formats/cloudwatch.js'
import { crictlInspect, crictlPods, crictlPs } from './formats/crictl.js'
import { dockerInspect, dockerPs } from './formats/docker.js'
import { flowLogs } from './formats/flow-logs.js'
import { guardDuty, guardDutyLines } from './formats/guardduty.js'
import { kubectlGet } from './formats/kubectl.js'
import type { EvidenceRecord } from './records.js'
import { beginningOf, linesOf, unpacked, wholeText } from './streams.js'
import { parsed } from './values.js'

const FORMATS: readonly Format[] = [
  checkpoint,
  auditLog,
  cloudWatchLines,
  dockerPs,
  cloudTrailLines,
  guardDutyLines,
  flowLogs,
  allowList,
  dockerInspect,
  crictlInspect,
  crictlPs,
  crictlPods,
  cloudWatchAnswer,
  cloudTrail,
  guardDuty,
  kubectlGet,
]

/** By what a file is told; a line of an audit log may have some of it for itself. */
const BEGINNING = 1 << 20
/** Lines by which it is told. */
const FIRST_LINES = 64
/** What is remarked of one file. */
const MOST_REMARKS = 16

/** What objects of Kubernetes begin with as YAML; and more of it than a cluster's objects take is not read. */
const OF_KUBERNETES = /^(?:apiVersion|kind):\s/m
const MOST_YAML = 64 << 20

/** Where a record comes from. */
export interface Origin {
  /** Name of the format. */
  readonly source: string
  /** The file, as the user gave it. */
  readonly file: string
}

/** All records of a file, as it says them; `begin` is told what it is before the first. */
export async function* readEvidence(
  file: EvidenceFile,
  begin: (origin: Origin) => void,
  warn: (warning: Warning) => void,
): AsyncGenerator<EvidenceRecord> {
  const losses = new FileLosses()
  const packed = await beginningOf(file.stream(), 2)
  const stream = () => unpacked(file.stream(), packed, () => losses.cutOff())
  const found = await formatOf(stream)
  if (found === null) {
    warn({ code: 'unreadable', message: `${file.path}: it is in no format that is known, and was not joined` })
    return
  }
  begin({ source: found.name, file: file.path })
  yield* found.records(stream, losses)
  for (const warning of losses.warnings(file.path, found.name)) warn(warning)
}

type Stream = () => AsyncIterable<Uint8Array>

interface FoundFormat {
  readonly name: string
  records(stream: Stream, losses: Losses): AsyncIterable<EvidenceRecord> | Iterable<EvidenceRecord>
}

/** Which format it is, by its content; null where it is none. */
async function formatOf(stream: Stream): Promise<FoundFormat | null> {
  const beginning = await beginningOf(stream(), BEGINNING)
  const archive = FORMATS.find((format): format is ArchiveFormat => {
    return format.form === 'archive' && format.recognises(beginning)
  })
  if (archive !== undefined) return { name: archive.name, records: (all, losses) => archive.read(all(), losses) }

  const text = new TextDecoder().decode(beginning)
  const first = text.split('\n', FIRST_LINES + 1).slice(0, FIRST_LINES)
  const lines = first.map((line) => line.trimEnd()).filter((line) => line !== '')
  const ofLines = FORMATS.find((format): format is LineFormat => format.form === 'lines' && format.recognises(lines))
  if (ofLines !== undefined) return { name: ofLines.name, records: (all, losses) => readLines(all(), ofLines, losses) }

  const isJson = /^\s*[[{]/.test(text)
  if (!isJson && !OF_KUBERNETES.test(text)) return null
  const whole = await wholeText(stream(), isJson ? undefined : MOST_YAML)
  if (whole !== null && !isJson) return fromYaml(whole)
  const value = whole === null ? undefined : parsed(whole)
  const document = FORMATS.find((format): format is DocumentFormat => {
    return format.form === 'document' && format.recognises(value)
  })
  return document === undefined ? null : { name: document.name, records: (_, losses) => document.read(value, losses) }
}

/** Objects of Kubernetes as YAML, one document or several; one that is damaged costs itself. */
function fromYaml(text: string): FoundFormat | null {
  const documents = readYaml(text)
  const values = documents.flatMap(({ value }) => (value === null ? [] : [value])).filter(kubectlGet.recognises)
  const [only] = values
  if (only === undefined) return null
  const faults = documents.filter(({ fault }) => fault !== null).length
  return {
    name: kubectlGet.name,
    *records(_, losses) {
      for (let fault = 0; fault < faults; fault++) losses.malformed()
      for (const value of values) yield* kubectlGet.read(value, losses)
    },
  }
}

async function* readLines(
  stream: AsyncIterable<Uint8Array>,
  format: LineFormat,
  losses: Losses,
): AsyncGenerator<EvidenceRecord> {
  const read = format.reader(losses)
  for await (const line of linesOf(stream)) {
    if (line === null) losses.malformed()
    else if (line !== '') yield* read(line)
  }
}

class FileLosses implements Losses {
  private count = 0
  private isCut = false
  private readonly remarks = new Set<string>()

  cutOff(): void {
    this.isCut = true
  }

  malformed(): void {
    this.count++
  }

  remark(message: string): void {
    if (this.remarks.size < MOST_REMARKS) this.remarks.add(message)
  }

  *warnings(path: string, source: string): Generator<Warning> {
    if (this.count > 0) {
      const message = `${path}: what is no record of ${source} is left out`
      yield { code: 'malformed', message, count: this.count }
    }
    if (this.isCut) {
      yield { code: 'truncated', message: `${path}: its compression is damaged; what was before that is joined` }
    }
    for (const remark of this.remarks) yield { code: 'note', message: `${path}: ${remark}` }
  }
}
