/** `salvor report` of a case: nothing is analyzed, the case has it all. */

import { resolve } from 'node:path'
import { SalvorError } from '../engine/errors.js'
import type { KnownAnalyzer } from '../engine/registry.js'
import { exitCodes } from '../engine/status.js'
import { printable } from '../output/escape.js'
import { openSink } from '../output/sink.js'
import { checkTarget, Inputs } from '../output/target.js'
import type { CaseImage } from '../report/case.js'
import { reportHtml } from '../report/html.js'
import { version } from '../version.js'
import { StderrReporter } from './reporter.js'
import type { Session } from './session.js'

/** A case of no more images than these is told with the tables of each, unless others are asked for. */
const FEW_IMAGES = 8
const EVERY = 'all'

export interface CaseReportWanted {
  readonly folder: string
  readonly output: string
  readonly analyzers: readonly KnownAnalyzer[]
  /** By id, host, path or the end of a path; or all. */
  readonly images: readonly string[]
  readonly most: number
}

function chosen(all: readonly CaseImage[], wanted: readonly string[]): readonly CaseImage[] {
  if (wanted.length === 0) return all.length <= FEW_IMAGES ? all : []
  if (wanted.includes(EVERY)) return all
  const found = wanted.flatMap((word) => {
    const matches = all.filter(
      ({ id, hostname, path }) =>
        id.startsWith(word) || hostname === word || path === word || path.endsWith(`/${word}`),
    )
    if (matches.length === 0)
      throw new SalvorError('USAGE', `--image: the case has no ${JSON.stringify(word)}; salvor case names its images`)
    return matches
  })
  return [...new Set(found)]
}

export async function reportCase(session: Session, wanted: CaseReportWanted): Promise<number> {
  const { world, options, registry } = session
  const folder = resolve(world.directory, wanted.folder)
  const guard = { inputs: new Inputs([folder, `${folder}/case.duckdb`]), force: options.force }
  checkTarget(wanted.output, guard)
  const [{ CaseSource }, { caseReport, imagesOf }, { savedQueries }] = await Promise.all([
    import('../case/sql.js'),
    import('../report/case.js'),
    import('../case/saved-queries.js'),
  ])
  const reporter = new StderrReporter(world, options.quiet)
  const source = await CaseSource.open(folder)
  try {
    const all = await imagesOf(source)
    const images = chosen(all, wanted.images)
    const { images: made, left } = await caseReport(source, wanted.folder, images, {
      analyzers: wanted.analyzers,
      findings: registry.get('findings'),
      saved: savedQueries().filter(({ name }) => !TOLD.has(name)),
      most: wanted.most,
      signal: world.signal,
      progress: (done, total) => reporter.progress('images', done, total),
    })
    if (world.signal.aborted) return exitCodes.interrupted
    const sink = openSink(wanted.output, guard, world.stdout)
    world.onAbort(() => sink.abort())
    for await (const piece of reportHtml(made, { version, made: new Date().toISOString() })) await sink.write(piece)
    await sink.commit()
    if (images.length < all.length && wanted.images.length === 0)
      reporter.log(
        `of ${all.length} images what they say together; tables of some by --image, of each by --image ${EVERY}`,
      )
    reporter.log(`${printable(wanted.output)} is a page to open in a browser`)
    if (left === 0) return exitCodes.complete
    const message = `${left} tables have no rows in it: the page is as large as a browser takes; fewer by --image, --analyzers or --limit`
    reporter.warnings([{ code: 'cap', message }])
    return exitCodes.limit
  } finally {
    reporter.close()
    source.close()
  }
}

/** Saved queries whose answer is in the page already. */
const TOLD: ReadonlySet<string> = new Set(['findings', 'images'])
