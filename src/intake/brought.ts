/** What came here of an image that is elsewhere. */
export interface Brought {
  readonly bytes: number
  /** Bytes that it has. */
  readonly of: number
  readonly requests: number
}

const MIB = 2 ** 20

/** One line about it for people. */
export function broughtLine({ bytes, of, requests }: Brought): string {
  const mebibytes = (count: number): string => (count / MIB).toFixed(1)
  return `${mebibytes(bytes)} of ${mebibytes(of)} MiB were fetched, by ${requests} requests; nobody has hashed it`
}
