/** Texts of users in shell scripts. */

/** A text as one word of a POSIX shell, whatever is in it. */
export function word(text: string): string {
  // `{{` would be a parameter to the service that runs a document's script.
  const safe = /^[\w@%+:,./-]+$/.test(text)
  return safe ? text : `'${text.replaceAll("'", "'\\''").replace(/\{(?=\{)/g, "{''")}'`
}

/** A command line of such words. */
export function line(...words: readonly string[]): string {
  return words.map(word).join(' ')
}

/** An array of a script, to go through: a list of one word would look like a mistake. */
export function array(name: string, words: readonly string[]): string {
  return `${name}=(${line(...words)})\n`
}

/** A comment: no line break of a text ends it. */
export function comment(text: string): string {
  return `# ${text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')}`
}

/** The settings of a script that is told everything by its environment. */
export function exported(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `export ${name}=${word(value)}\n`)
    .join('')
}

/** What each script of a plan begins with. */
export function script(summary: readonly string[], body: string): string {
  return `#!/bin/bash\n${summary.map(comment).join('\n')}\nset -euo pipefail\n\n${body}`
}
