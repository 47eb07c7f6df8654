/** What a process runs, by its executable: the name that it gives itself proves nothing. */

interface Running {
  readonly exe: string | null
  readonly args: readonly string[] | null
  readonly comm: string | null
}

const SHELLS = new Set(['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'mksh', 'csh', 'tcsh', 'fish', 'rbash'])
const MANY_IN_ONE = new Set(['busybox', 'toybox'])
const INTERPRETERS = /^(?:python|perl|ruby|php|node|nodejs|lua|tclsh|pwsh)[\d.-]*$/
/** Where package managers and administrators put programs. */
const INSTALLED =
  /^\/(?:usr|bin|sbin|lib|lib32|lib64|libexec|opt|snap|nix\/store|gnu\/store|var\/lib\/(?:rancher|snapd|flatpak))\//
/** Where every user may write, and what survives no boot. */
const FOR_ALL = /^\/(?:tmp|var\/tmp|dev|run\/shm|run\/user|run\/lock)\//

/** Hidden names, but for the folders in which languages and editors keep programs of theirs. */
const HIDDEN =
  /\/\.(?!(?:venv|local|nvm|cargo|rustup|pyenv|rbenv|asdf|sdkman|bun|deno|dotnet|npm|nix-profile|vscode-server|cursor-server)\/)[^/]/

/** Path of an executable without what the kernel says of a name that is gone. */
export function programPath(exe: string | null): string {
  return (exe ?? '').replace(/ \(deleted\)$/, '')
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Name of the program file; of busybox and toybox what they were called as. Empty where it is unknown. */
export function programName({ exe, args, comm }: Running): string {
  const name = lastPart(programPath(exe))
  if (!MANY_IN_ONE.has(name)) return name
  const called = lastPart((args?.[0] ?? comm ?? '').replace(/^-/, ''))
  return called === name ? lastPart(args?.[1] ?? name) : called
}

export function isShell(process: Running): boolean {
  return SHELLS.has(programName(process))
}

/** Shells, and languages whose programs are texts. */
export function isInterpreter(process: Running): boolean {
  return isShell(process) || INTERPRETERS.test(programName(process))
}

/** Whether it lies where installed programs do. */
export function isInstalled(exe: string | null): boolean {
  return INSTALLED.test(programPath(exe))
}

/** Whether it lies where everybody may write, or has a hidden name or folder. */
export function isOddPlace(exe: string | null): boolean {
  const path = programPath(exe)
  return FOR_ALL.test(path) || HIDDEN.test(path)
}

/** Whether it lies where everybody may write, or its own name is hidden: homes have honest programs in hidden folders. */
export function isDropped(exe: string | null): boolean {
  const path = programPath(exe)
  return FOR_ALL.test(path) || lastPart(path).startsWith('.')
}
