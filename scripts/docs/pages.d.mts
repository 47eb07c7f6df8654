import type { Declaration } from '../../dist/src/api/analyzer.js'

export function pageOf(analyzer: Declaration): string
export function indexPage(analyzers: readonly Declaration[]): string
export function readmeTable(analyzers: readonly Declaration[]): string
