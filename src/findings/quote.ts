/** Longer text of an image is cut in a sentence. */
const MOST = 120

/** Text of an image in a sentence: in quotes, cut where it is long; output escapes what a terminal would obey. */
export function quote(value: string | readonly string[] | null): string {
  if (value === null) return 'unknown'
  const text = typeof value === 'string' ? value : value.join(' ')
  const cut = [...text.slice(0, MOST * 2)].slice(0, MOST).join('')
  return `‘${cut}${cut.length < text.length ? '…' : ''}’`
}
