/** YARA rules over the images of a case: each is proven to be what was analyzed, and then searched once. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Batch } from '../api/table.js'
import { readAsked } from '../case/asked-file.js'
import {
  bytesOf,
  type CaseEvidence,
  evidenceOf,
  hitsOf,
  objectOf,
  whyAnother,
  whyGone,
  type YaraHit,
} from '../case/hunt-yara.js'
import type { EvidenceFileRecord } from '../case/manifest.js'
import type { CaseStore } from '../case/store.js'
import type { Engine, OpenedImage } from '../engine/engine.js'
import { SalvorError, toFailure } from '../engine/errors.js'
import { readOptions } from '../engine/option-values.js'
import { imageExitCode } from '../engine/status.js'
import { yaraAddon } from '../paths.js'
import { tellBrought } from './brought-note.js'
import { StderrReporter } from './reporter.js'
import { makeEngine, openOptions, type Session } from './session.js'

const ANALYZER = 'yara'

/** Rules as one text; where they came from. */
export interface RuleText {
  readonly name: string
  readonly text: string
}

/** Where in an image is searched: everywhere, or in some processes, containers or files. */
export interface HuntScope {
  readonly process: readonly string[]
  readonly in_container: readonly string[]
  readonly path: readonly string[]
}

export interface HuntedImages {
  readonly hits: readonly YaraHit[]
  /** What could not be searched, or for what. */
  readonly unsearched: readonly string[]
  /** How the searches of images ended. */
  readonly codes: readonly number[]
}

/** Whether the addon that rules need was built. */
export function hasYara(): boolean {
  return existsSync(yaraAddon)
}

export function readRules(path: string): RuleText {
  return { name: path, text: readAsked(path) }
}

class Hunt {
  readonly hits: YaraHit[] = []
  readonly unsearched: string[] = []
  readonly codes: number[] = []
  /** All rules at once as long as they fit together; else one text after the other. */
  private files: readonly RuleText[]

  constructor(
    private readonly session: Session,
    private readonly engine: Engine,
    private readonly reporter: StderrReporter,
    private readonly folder: string,
    private readonly rules: readonly RuleText[],
    private readonly scope: HuntScope,
  ) {
    this.files = rules.length === 1 ? rules : [{ name: 'all rules', text: rules.map(({ text }) => text).join('\n') }]
  }

  /** Searches evidence that is still what it was. */
  async evidence(evidence: CaseEvidence): Promise<void> {
    const object = objectOf(evidence)
    const gone = object === null ? await this.whyGone(evidence) : await this.receive(object)
    if (gone === null) await this.image(evidence, object)
    else this.unsearched.push(`not searched: ${gone}`)
  }

  private whyGone(evidence: CaseEvidence): Promise<string | null> {
    const [path = '', total] = [evidence.files[0]?.path, bytesOf(evidence)]
    let done = 0
    const advance = (bytes: number): void => {
      done += bytes
      this.reporter.progress(`hash of ${path}`, done, total)
    }
    return whyGone(evidence, { signal: this.session.world.signal, advance })
  }

  /** Brings an object here that has a hash to be held against. One that has none is looked at when it is opened. */
  private async receive(object: EvidenceFileRecord): Promise<string | null> {
    if (object.sha256 === null) return null
    try {
      const progress = (done: number, total: number): void => this.reporter.progress('receiving', done, total)
      const another = whyAnother(object, await this.engine.receive(object.path, progress))
      if (another !== null) await this.engine.release(object.path)
      return another
    } catch (error) {
      return toFailure(error).message
    }
  }

  private async image(evidence: CaseEvidence, object: EvidenceFileRecord | null): Promise<void> {
    const [path = ''] = evidence.files.map((file) => file.path)
    const options = { ...openOptions(this.session.options, this.session.world.env), ...unpackOf(evidence) }
    let image: OpenedImage
    try {
      image = await this.engine.open(path, options)
    } catch (error) {
      this.unsearched.push(`${path} was not searched: ${toFailure(error).message}`)
      return
    }
    try {
      const another = object === null ? null : whyAnother(object, image.received ?? object)
      if (another !== null) return void this.unsearched.push(`not searched: ${another}`)
      this.reporter.warnings(image.info.warnings)
      await this.search(image, evidence.id)
      tellBrought(this.reporter, path, image)
    } finally {
      await this.engine.closeImage(image)
    }
  }

  private async search(image: OpenedImage, id: string): Promise<void> {
    const faulty: RuleText[] = []
    for (const rules of this.files) {
      const fault = await this.hold(image, id, rules)
      if (fault === undefined) continue
      if (this.rules.length === 1) throw new SalvorError('USAGE', fault)
      faulty.push(rules)
      // One fault, or two rules of one name, and none of them would be searched for.
      if (this.files.length === 1) {
        this.files = this.rules
        return this.search(image, id)
      }
      this.unsearched.push(`not searched: ${fault}`)
    }
    if (faulty.length > 0) this.files = this.files.filter((rules) => !faulty.includes(rules))
  }

  /** Holds rules against an image. Answers what is wrong with them. */
  private async hold(image: OpenedImage, id: string, { name, text }: RuleText): Promise<string | undefined> {
    const file = join(this.folder, 'rules.yar')
    writeFileSync(file, text)
    const { registry } = this.session
    const analyzer = registry.get(ANALYZER)
    const given = { ...this.scope, rules: file }
    const options = readOptions(analyzer.options, given, (option) => option)
    const sink = {
      rows: async (_analyzer: unknown, batch: Batch) => void this.hits.push(...hitsOf(id, batch)),
      end: async () => {},
    }
    const failures: string[] = []
    const outcomes = await this.engine.run(image, [{ analyzer, options }], sink, {
      progress: (task, done, total) => this.reporter.progress(task, done, total),
      log: () => {},
      warnings: (warnings) => this.reporter.warnings(warnings),
      failure: (_analyzer, { code, message }) => {
        // What is wrong with rules is told by whoever gave them; the file is one of this run.
        if (code !== 'OPTION') this.reporter.failure(ANALYZER, { code, message })
        else failures.push(message.replace(`${file}: `, `${name}: `))
      },
    })
    if (failures.length > 0) return failures[0]
    this.codes.push(imageExitCode(outcomes))
    return undefined
  }
}

function unpackOf({ unpackLimit }: CaseEvidence): { readonly unpackLimit?: number } {
  return unpackLimit === undefined ? {} : { unpackLimit }
}

/** Searches every image of a case that is still what it was. */
export async function huntImages(
  session: Session,
  store: CaseStore,
  rules: readonly RuleText[],
  scope: HuntScope,
): Promise<HuntedImages> {
  const { world, options } = session
  const reporter = new StderrReporter(world, options.quiet)
  const engine = makeEngine(session)
  const folder = mkdtempSync(join(tmpdir(), 'salvor-hunt-'))
  const hunt = new Hunt(session, engine, reporter, folder, rules, scope)
  try {
    for (const evidence of await evidenceOf(store)) {
      await hunt.evidence(evidence)
    }
    return hunt
  } finally {
    reporter.close()
    await engine.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
