/** The manifests of a case as CASE/UCO JSON-LD (CASE 1.4, UCO 1.4), for tools that exchange evidence. */

import { sha256Of } from '../file-hash.js'
import type { EvidenceFileRecord, Manifest } from './manifest.js'
import type { CaseStore } from './store.js'

type Node = Readonly<Record<string, unknown>>

const CONTEXT = {
  kb: 'http://example.org/kb/',
  'case-investigation': 'https://ontology.caseontology.org/case/investigation/',
  'uco-action': 'https://ontology.unifiedcyberontology.org/uco/action/',
  'uco-core': 'https://ontology.unifiedcyberontology.org/uco/core/',
  'uco-observable': 'https://ontology.unifiedcyberontology.org/uco/observable/',
  'uco-tool': 'https://ontology.unifiedcyberontology.org/uco/tool/',
  'uco-types': 'https://ontology.unifiedcyberontology.org/uco/types/',
  xsd: 'http://www.w3.org/2001/XMLSchema#',
}

/** The same name for the same thing in every writing: a UUID of its hash, in the form of those that are made of names. */
function idOf(kind: string, ...of: readonly string[]): string {
  const hash = sha256Of(JSON.stringify([kind, ...of]))
  const variant = ((Number.parseInt(hash[16] ?? '0', 16) & 3) | 8).toString(16)
  const uuid = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `5${hash.slice(13, 16)}`,
    `${variant}${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ]
  return `kb:${kind}-${uuid.join('-')}`
}

function typed(type: string, value: string | number): Node {
  return { '@type': type, '@value': String(value) }
}

function reference(id: string): Node {
  return { '@id': id }
}

function contentFacet(id: string, sha256: string, bytes?: number): Node {
  return {
    '@id': idOf('content-data-facet', id),
    '@type': 'uco-observable:ContentDataFacet',
    ...(bytes === undefined ? {} : { 'uco-observable:sizeInBytes': typed('xsd:integer', bytes) }),
    'uco-observable:hash': {
      '@id': idOf('hash', id),
      '@type': 'uco-types:Hash',
      'uco-types:hashMethod': 'SHA256',
      'uco-types:hashValue': typed('xsd:hexBinary', sha256),
    },
  }
}

function evidenceFile({ path, bytes, sha256, modified, etag = '' }: EvidenceFileRecord): Node {
  const id = idOf('file', path, sha256 ?? etag)
  const facet = {
    '@id': idOf('file-facet', id),
    '@type': 'uco-observable:FileFacet',
    'uco-observable:fileName': path.split('/').at(-1) ?? path,
    'uco-observable:filePath': path,
    'uco-observable:isDirectory': false,
    'uco-observable:sizeInBytes': typed('xsd:integer', bytes),
    'uco-observable:modifiedTime': typed('xsd:dateTime', modified),
  }
  const facets = sha256 === null ? [facet] : [facet, contentFacet(id, sha256, bytes)]
  return { '@id': id, '@type': 'uco-observable:File', 'uco-core:hasFacet': facets }
}

function nodesOf(manifest: Manifest, sha256: string, tool: string): Node[] {
  const files = manifest.files.map(evidenceFile)
  const outputs = manifest.tables.map(({ table, rows, sha256: hash }): Node => {
    const id = idOf('table', manifest.job, table)
    return {
      '@id': id,
      '@type': 'uco-observable:ObservableObject',
      'uco-core:name': `${table} of ${manifest.job.slice(0, 16)}`,
      'uco-core:description': `${rows} rows`,
      'uco-core:hasFacet': contentFacet(id, hash),
    }
  })
  const record = idOf('provenance-record', sha256)
  const ids = [...files, ...outputs].map((node) => reference(String(node['@id'])))
  return [
    ...files,
    ...outputs,
    {
      '@id': record,
      '@type': 'case-investigation:ProvenanceRecord',
      'uco-core:name': `manifest ${manifest.sequence}`,
      'uco-core:description': `SHA-256 ${sha256}; follows ${manifest.previous ?? 'nothing'}; ${manifest.state}`,
      'case-investigation:exhibitNumber': String(manifest.sequence),
      'uco-core:object': ids,
    },
    {
      '@id': idOf('investigative-action', manifest.job),
      '@type': 'case-investigation:InvestigativeAction',
      'uco-core:name': 'analysis of a memory image',
      'uco-core:description': `${manifest.state}${manifest.error === null ? '' : `: ${manifest.error}`}`,
      'uco-action:startTime': typed('xsd:dateTime', manifest.started),
      'uco-action:endTime': typed('xsd:dateTime', manifest.ended),
      'uco-action:instrument': reference(tool),
      'uco-action:object': files.map((node) => reference(String(node['@id']))),
      'uco-action:result': reference(record),
    },
  ]
}

/** The whole document as text. */
export async function caseUco({ database }: CaseStore): Promise<string> {
  const rows = await database.rows('SELECT manifest, sha256 FROM manifests ORDER BY sequence')
  const nodes = new Map<string, Node>()
  for (const { manifest, sha256 } of rows) {
    const read = JSON.parse(String(manifest)) as Manifest
    const { name, version } = read.tool
    const tool = idOf('tool', name, version)
    nodes.set(tool, {
      '@id': tool,
      '@type': 'uco-tool:AnalyticTool',
      'uco-core:name': name,
      'uco-tool:version': version,
    })
    for (const node of nodesOf(read, String(sha256), tool)) nodes.set(String(node['@id']), node)
  }
  return `${JSON.stringify({ '@context': CONTEXT, '@graph': [...nodes.values()] }, null, 2)}\n`
}
