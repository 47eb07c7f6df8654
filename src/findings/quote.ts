/** Longer text of an image is cut in a sentence. */
const MOST = 120

/** Text of an image in a sentence: in quotes, cut where it is long; output escapes what a terminal would obey. */
export function quote(value: string | readonly string[] | null): string {
  if (value === null) return 'unknown'
  const text = typeof value === 'string' ? value : value.join(' ')
  const cut = [...text.slice(0, MOST * 2)].slice(0, MOST).join('')
  return `‘${cut}${cut.length < text.length ? '…' : ''}’`
}

/** Names that are told of many. */
const MOST_NAMED = 5

/** The first few of some names, each once, and how many there are besides; one that is not known is a question mark. */
export function quoteSome(names: readonly (string | null)[]): string {
  const distinct = [...new Set(names.map((name) => name ?? '?'))]
  const more = distinct.length > MOST_NAMED ? ` and ${distinct.length - MOST_NAMED} more` : ''
  return `${distinct.slice(0, MOST_NAMED).map(quote).join(', ')}${more}`
}
