/** Flags of a command line as Go's programs take them: `--name=value`, `--name value`, and `--name` alone. */

const MOST = 512
const flag = /^--?([a-zA-Z0-9][a-zA-Z0-9._-]{0,127})(?:=(.*))?$/s

/** By name without dashes, the last of a name counts; a flag that has no value is `true`. */
export function parseFlags(args: readonly string[]): Map<string, string> {
  const flags = new Map<string, string>()
  const given = args.slice(1, MOST)
  for (const [index, argument] of given.entries()) {
    if (argument === '--') break
    const [, name, value] = flag.exec(argument.slice(0, 4096)) ?? []
    if (name === undefined) continue
    const next = given[index + 1]
    flags.set(name, value ?? (next === undefined || next.startsWith('-') ? 'true' : next.slice(0, 4096)))
  }
  return flags
}
