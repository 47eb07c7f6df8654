import { widthOf } from './layout.js'

/** Breaks text at spaces so that no line is wider than `width`, where no word is. Lines of its own are kept. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = []
    let line = ''
    // Counted along: to measure the whole line at each word is quadratic where nothing ends one.
    let used = 0
    for (const word of paragraph.split(' ')) {
      const more = widthOf(word)
      if (line !== '' && used + 1 + more > width) {
        lines.push(line)
        line = word
        used = more
      } else {
        used += line === '' ? more : 1 + more
        line = line === '' ? word : `${line} ${word}`
      }
    }
    lines.push(line)
    return lines
  })
}
