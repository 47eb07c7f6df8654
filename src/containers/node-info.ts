/**
 * What the kubelet tells the API server of its node: `NodeSystemInfo` (k8s.io/api/core/v1/generated.proto), whose fields
 * containerRuntimeVersion, kubeletVersion and kubeProxyVersion follow one another. It is in the kubelet's heap as the bytes
 * that came or went.
 */

import type { Heap } from './dockerd-memory.js'

export interface NodeInfo {
  /** `containerd://1.7.24` is engine and version. */
  engine: string
  engine_version: string
  kubelet: string
}

/** Tags of fields 6 and 7, each of which has a length and text behind it. */
const [ENGINE, KUBELET] = [0x32, 0x3a]
const ENGINES = ['containerd', 'cri-o', 'docker']
/** Longest version that is looked for. */
const LONGEST = 40
const MOST_FOUND = 64
const version = /^v?\d{1,4}\.\d{1,4}[\w.+~-]{0,40}$/

/** Null where nothing in the heap is one. */
export function nodeInfoIn(heap: Heap): NodeInfo | null {
  const patterns = ENGINES.flatMap((engine) =>
    Array.from({ length: LONGEST }, (_, index) => {
      const start = `${engine}://`
      return Buffer.concat([Buffer.from([ENGINE, start.length + index + 1]), Buffer.from(start)]).toString('latin1')
    }),
  )
  let count = 0
  for (const { address } of heap.find(patterns)) {
    const found = infoAt(heap, address)
    if (found !== null) return found
    if (++count >= MOST_FOUND) return null
  }
  return null
}

function infoAt(heap: Heap, address: bigint): NodeInfo | null {
  const engine = fieldAt(heap, address, ENGINE)
  const kubelet = engine === null ? null : fieldAt(heap, address + BigInt(engine.length + 2), KUBELET)
  const [name, engine_version] = engine?.split('://', 2) ?? []
  if (name === undefined || engine_version === undefined || kubelet === null) return null
  if (!version.test(engine_version) || !version.test(kubelet)) return null
  return { engine: name, engine_version, kubelet }
}

function fieldAt(heap: Heap, address: bigint, tag: number): string | null {
  const head = heap.readWhole(address, 2)
  if (head?.getUint8(0) !== tag) return null
  const bytes = heap.readWhole(address + 2n, head.getUint8(1))
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
