import { wrap } from '../output/wrap.js'

/** A label wider than this has its text on the next line. */
const MOST_LABEL = 30
const GAP = 2

/** Labels with texts beside them, the texts wrapped within their own column. */
export function labelled(entries: readonly (readonly [string, string])[], width: number): string[] {
  const labels = entries.map(([label]) => label.length).filter((length) => length <= MOST_LABEL)
  const indent = GAP + Math.max(0, ...labels) + GAP
  return entries.flatMap(([label, text]) => {
    const lines = wrap(text, Math.max(width - indent, MOST_LABEL))
    const first = `${' '.repeat(GAP)}${label}`
    const beside = first.length + GAP <= indent ? `${first.padEnd(indent)}${lines.shift() ?? ''}`.trimEnd() : first
    return [beside, ...lines.map((line) => `${' '.repeat(indent)}${line}`)]
  })
}
