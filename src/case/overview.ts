import type { SqlNames } from './sql.js'

const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info']

function findingsOf(severity: string, known: boolean): string {
  if (!known) return `NULL::BIGINT AS ${severity}`
  const found = `SELECT count(*) FROM findings WHERE findings.image_id = sources.image AND severity = '${severity}'`
  // Without a table of findings for this image none were looked for, which is not none.
  return `CASE WHEN looked.image_id IS NOT NULL THEN (${found}) END AS ${severity}`
}

/** A query over all that was given to a case, each with what became of it. */
export function overview(names: SqlNames): string {
  const known = names.has('findings')
  const findings = SEVERITIES.map((severity) => findingsOf(severity, known)).join(',\n  ')
  return `
SELECT images.id, sources.path, sources.state, images.hostname, images.release, images.boot_time, ${findings},
  (SELECT count(*) FROM warnings AS told WHERE told.image_id = sources.image
   AND (code NOT IN ('absent', 'disagree', 'leftover', 'note') OR EXISTS (FROM outputs
     WHERE outputs.image_id = told.image_id AND table_name = replace(analyzer, '-', '_') AND rows = 0)))
  + (SELECT count(*) FROM outputs WHERE outputs.image_id = sources.image AND failed IS NOT NULL) AS warnings,
  images.bytes, images.sha256, coalesce(sources.error, images.error) AS error
FROM sources
LEFT JOIN images ON images.id = sources.image
LEFT JOIN outputs AS looked ON looked.image_id = sources.image AND looked.table_name = 'findings'
ORDER BY sources.path`
}
