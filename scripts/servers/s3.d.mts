export interface S3Server {
  readonly port: number
  readonly url: string
  /** A folder for each bucket, and what lies in these are objects. */
  readonly store: string
  /** Address and keys, as everything that uses S3 takes them. */
  readonly env: Readonly<Record<string, string>>
  readonly start: () => Promise<void>
  readonly kill: () => Promise<void>
  readonly stop: () => Promise<void>
}

export function findS3(options?: {
  readonly build?: boolean
}): Promise<{ readonly path?: string; readonly why?: string }>
export function startS3(options?: {
  readonly buckets?: readonly string[]
  readonly versions?: boolean
}): Promise<S3Server>
