/** The host's files as far as memory holds them. */
export interface CachedFiles {
  /** Children known to the dentry cache, sorted by name; [] when the directory is not cached. */
  list(
    path: string,
  ): { name: string; path: string; kind: 'file' | 'directory' | 'symlink' | 'other'; address: bigint /* dentry */ }[]
  /** Page-cache text; null when not cached or incomplete (reason tells). */
  read(path: string): { text: string; address: bigint /* inode */ } | { text: null; reason: string }
  readlink(path: string): string | null
  /** What is cached of a file, NUL where a page is missing: for databases whose records are carved. */
  readPresent?(path: string): { text: string; address: bigint } | null
  /** The same as bytes; null too where the file is longer than databases of engines are. */
  readBytes?(path: string): { bytes: Uint8Array; address: bigint } | null
  /** The inode of a file that the dentry cache knows. */
  inode?(path: string): bigint | null
}
