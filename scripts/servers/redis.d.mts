export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly pid: () => number
  readonly start: () => Promise<void>
  readonly kill: () => Promise<void>
  readonly forget: () => void
  readonly keys: () => Promise<string[]>
  readonly stop: () => Promise<void>
}

export function findRedis(): Promise<{ readonly path?: string; readonly why?: string }>
export function startRedis(options?: {
  readonly args?: readonly string[]
  readonly tls?: boolean
}): Promise<RedisServer>
