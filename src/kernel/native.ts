/** The native core's exports, as `native/index.d.ts` declares them. */
export interface Native {
  openImage(path: string, cacheDir?: string | null): number
  openImageRecording(path: string): number
  closeImage(id: number): void
  describe(id: number): string
  query(id: number, spec: string, addresses?: BigUint64Array | null): NativeBatch
  scanChunks(id: number, bytes: number): BigUint64Array
  scanTasks(id: number, start: bigint, length: bigint): NativeScan
  recordTouched(id: number): void
  writeTouched(id: number, output: string): number
}

export interface NativeBatch {
  length: number
  addresses: BigUint64Array
  parents: Uint32Array
  columns: NativeColumn[]
  children: NativeBatch[]
  warnings: NativeWarning[]
}

export interface NativeColumn {
  kind: 'u64' | 'i64' | 'text'
  values?: BigUint64Array | BigInt64Array
  bytes?: Uint8Array
  /** One more than there are rows. */
  offsets?: Uint32Array
  /** A bitmap, least significant bit first; 1 is null. */
  nulls: Uint8Array
}

export interface NativeScan {
  addresses: BigUint64Array
  warnings: NativeWarning[]
}

export interface NativeWarning {
  code: 'unreadable' | 'cap' | 'cycle' | 'absent' | 'torn' | 'truncated'
  message: string
  column?: string
  count: number
  /** The first address it happened at. */
  address?: bigint
}

// A variable, so that the type checker does not look for a file that only the build makes.
const specifier: string = 'salvor/native'

/** The addon. Only worker threads import this module: neither help nor output needs it. */
export const native = (await import(specifier)) as Native
