/**
 * Leaves of a bbolt database (go.etcd.io/bbolt, page.go and bucket.go), of which the page cache may hold a part: sorted keys
 * with their values. A small bucket lies in the value of its own key. Pages that were freed are still there, and are read
 * as well: they hold what was.
 */

/** leafPageFlag and bucketLeafFlag. */
const [LEAF, BUCKET] = [2, 1]
/** Bytes of a page's header, of an element before its key, and of a bucket before its own page. */
const [HEADER, ELEMENT, BEFORE] = [16, 16, 16]
/** Keys of one leaf, and how deep buckets lie in values. */
const [MOST_KEYS, DEEPEST] = [4096, 8]

export type Leaf = ReadonlyMap<string, Uint8Array>

/** Every leaf, on pages of so many bytes. */
export function* boltLeaves(file: Uint8Array, page = 4096): Generator<Leaf> {
  // As many as have room: buckets that lie may be within one another, and in each other's values again.
  const left = { keys: file.length / ELEMENT }
  for (let at = 0; at + page <= file.length; at += page) yield* leavesAt(file, at, DEEPEST, left)
}

function* leavesAt(bytes: Uint8Array, at: number, depth: number, left: { keys: number }): Generator<Leaf> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (at + HEADER > bytes.length || view.getUint16(at + 8, true) !== LEAF || depth === 0) return
  const count = view.getUint16(at + 10, true)
  left.keys -= count
  if (left.keys < 0 || count > MOST_KEYS || at + HEADER + count * ELEMENT > bytes.length) return
  const leaf = new Map<string, Uint8Array>()
  for (let element = at + HEADER; element < at + HEADER + count * ELEMENT; element += ELEMENT) {
    const [key, length] = [view.getUint32(element + 8, true), view.getUint32(element + 12, true)]
    // A key lies so far behind its own element, and its value behind it.
    const from = element + view.getUint32(element + 4, true)
    if (from + key + length > bytes.length || key > 1024) return
    const value = bytes.subarray(from + key, from + key + length)
    leaf.set(new TextDecoder().decode(bytes.subarray(from, from + key)), value)
    if ((view.getUint32(element, true) & BUCKET) !== 0) yield* leavesAt(value, BEFORE, depth - 1, left)
  }
  yield leaf
}

/** Images of containerd's containers by the keys of their snapshots, which are their ids (metadata/buckets.go). */
export function containerdImages(file: Uint8Array): Map<string, string> {
  const images = new Map<string, string>()
  for (const leaf of boltLeaves(file)) {
    const [id, image] = ['snapshotKey', 'image'].map((key) => new TextDecoder().decode(leaf.get(key)?.slice(0, 512)))
    if (id && image) images.set(id, image)
  }
  return images
}
