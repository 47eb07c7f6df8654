/** What a container was declared to have mounted, out of the column `mounts` of containers. */

export interface DeclaredMount {
  readonly source: string
  readonly target: string | null
  readonly options: readonly string[]
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** Those that name a source; null where nothing is known of what was declared. */
export function declaredMounts(mounts: unknown): readonly DeclaredMount[] | null {
  if (!Array.isArray(mounts)) return null
  return mounts.flatMap((mount: unknown): DeclaredMount[] => {
    if (typeof mount !== 'object' || mount === null) return []
    const { source, target, options } = mount as Record<string, unknown>
    if (!isText(source)) return []
    return [
      { source, target: isText(target) ? target : null, options: Array.isArray(options) ? options.filter(isText) : [] },
    ]
  })
}
