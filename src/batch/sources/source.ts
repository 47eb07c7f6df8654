/** Where images come from. A kind is one file beside this one, and a line in the table of `index.ts`. */

/** An image that a source names. */
export interface NamedImage {
  readonly path: string
}

export interface Sources {
  /** The images that a word of the command line stands for; `seen` are the manifests that led to it. */
  readonly find: (word: string, directory: string, seen: readonly string[]) => Promise<readonly NamedImage[]>
}

export interface SourceKind {
  /** Whether a word is of this kind; the first that says so is asked. */
  readonly fits: (word: string, directory: string) => boolean
  readonly images: (
    word: string,
    directory: string,
    seen: readonly string[],
    sources: Sources,
  ) => Promise<readonly NamedImage[]>
}
