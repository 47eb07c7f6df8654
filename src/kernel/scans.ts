/** Scans as the core takes them. */

import { Buffer } from 'node:buffer'
import type { Pattern } from '../api/scans.js'
import { rulesOf, TASK_STRUCT } from './objects.js'

/** A scan with what its analyzer was given: no parameter is an option any more. */
export type ScanRequest = { readonly kind: 'tasks' } | { readonly kind: 'bytes'; readonly patterns: readonly Pattern[] }

/** The JSON that the core takes. */
export function scanSpec(request: ScanRequest): string {
  switch (request.kind) {
    case 'tasks':
      return JSON.stringify({ kind: 'tasks', rules: rulesOf(TASK_STRUCT) })
    case 'bytes':
      return JSON.stringify({ kind: 'bytes', patterns: request.patterns.map(hexOf) })
  }
}

function hexOf(pattern: Pattern): string {
  return typeof pattern === 'string' ? Buffer.from(pattern).toString('hex') : pattern.hex.replaceAll(/\s/g, '')
}
