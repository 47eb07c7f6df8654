export function findCheckpointctl(options?: {
  readonly build?: boolean
}): Promise<{ readonly path?: string; readonly why?: string }>
