/** Options on a command line. */

const maximumArguments = 256

/** Go's and glib's notations: -name value, --name value, --name=value. As there, the last of a name counts. */
export function readOptions(args: readonly string[], names: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  const bounded = args.slice(1, maximumArguments)
  for (let index = 0; index < bounded.length; index++) {
    if (bounded[index] === '--') break
    const option = /^--?([a-z][a-z-]{0,63})(?:=(.*))?$/s.exec((bounded[index] ?? '').slice(0, 4096))
    const name = option?.[1]
    if (name === undefined || !names.includes(name)) continue
    const value = option?.[2] ?? bounded[++index]
    if (value !== undefined) found.set(name, value)
  }
  return found
}
