/** Files that an analyzer writes beside its table. */

/** A file that was written: what a row holds of it. */
export interface Artifact {
  /** Its path in the folder that --output-dir names. */
  readonly file: string
  /** Its size, holes included. */
  readonly bytes: number
  readonly sha256: string
}

/** One file on its way. Until it is closed there is nothing under its name. */
export interface ArtifactWriter {
  /** Goes on where the last write ended. */
  write(bytes: Uint8Array): void
  /** Writes somewhere; what is written nowhere is a hole that reads as zeros. */
  writeAt(offset: number, bytes: Uint8Array): void
  /** Puts the file in its place. Null where it is left out, because a cap is reached or nobody wants files. */
  close(): Artifact | null
  /** Leaves nothing of it. */
  abort(): void
}

/** Where an analyzer's files go. */
export interface Artifacts {
  /**
   * Begins a file. The name may come from the image: what in it could lead elsewhere is replaced, and one that is taken
   * gets a number. Of several names all but the last are folders, one in the other, each made of its name alone.
   */
  create(name: string | readonly string[]): ArtifactWriter
}
