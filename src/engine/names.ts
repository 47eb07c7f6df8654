/** What analyzers are called by those who know them by other tools' names. */

/** Names that are known. */
interface Names {
  has(name: string): boolean
  keys(): Iterable<string>
}

/**
 * The known name that somebody means: `check_creds` and `check-creds` are one, and Volatility's full names, such as
 * `linux.malware.malfind.Malfind` and `linux.ip.Addr`, mean their module, both of their last parts, or their class.
 */
export function nameMeant(name: string, known: Names): string | undefined {
  for (const wanted of [name, ...shortNames(name)]) {
    if (known.has(wanted)) return wanted
    for (const other of known.keys()) if (plain(other) === plain(wanted)) return other
  }
  return undefined
}

const plain = (name: string) => name.replaceAll('_', '-')

function shortNames(name: string): string[] {
  const [os, ...parts] = name.toLowerCase().split('.')
  const [module = '', own = ''] = parts.length === 1 ? [parts[0], parts[0]] : parts.slice(-2)
  return os === 'linux' && module !== '' ? [module, `${module}-${own}`, own] : []
}
