/** YAML, which is read where it is met only: its library is not loaded before. */

import { require } from './require.js'

/** Anchors that one document may refer to: a few lines can stand for gigabytes otherwise. */
const MOST_ALIASES = 100

/** A document of a stream: what it says, or what is wrong with it. */
export type YamlDocument =
  | { readonly value: unknown; readonly fault: null }
  | { readonly value: null; readonly fault: string }

/** The documents of a stream, each by itself; JSON is YAML too. Numbers, texts, lists and plain objects, and no more. */
export function readYaml(text: string): YamlDocument[] {
  const { parseAllDocuments } = require('yaml') as typeof import('yaml')
  // What Kubernetes reads: YAML 1.1, in which yes and on are booleans, as its own libraries still do.
  const documents = parseAllDocuments(text, { version: '1.1', schema: 'yaml-1.1', merge: true, logLevel: 'silent' })
  if (!Array.isArray(documents)) return []
  return documents.map((document) => {
    const [error] = document.errors
    if (error !== undefined) return { value: null, fault: error.message.split('\n', 1)[0] ?? 'it is not YAML' }
    try {
      return { value: plain(document.toJS({ maxAliasCount: MOST_ALIASES })), fault: null }
    } catch (cause) {
      return { value: null, fault: cause instanceof Error ? cause.message : 'it is not YAML' }
    }
  })
}

/** Through JSON, which has no dates, sets, bytes and cycles, and whose objects have no keys but texts. */
function plain(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value))
}
