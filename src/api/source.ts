/** A file beside the image, open for reading. Whoever wrote it may be the attacker. */
export interface EvidenceFile {
  /** As the user gave it. */
  readonly path: string
  /** In bytes, when it was opened. */
  readonly size: number
  /** All of it; an error of class EVIDENCE where it is larger than is held in memory at once, or cannot be read. */
  read(): Promise<Uint8Array>
  /** The same piece by piece, however large it is. */
  stream(): AsyncIterable<Uint8Array>
}

/** Says that a table is made from a file and not from a memory image. */
export interface FileSource {
  readonly kind: 'file'
  /** What the file is, as help says it: `a JSON file of …`. */
  readonly what: string
}

/** Declares that an analyzer reads a file: its run has `file` and no `kernel`. */
export function file({ what }: { readonly what: string }): FileSource {
  return { kind: 'file', what }
}
