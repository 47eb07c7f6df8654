/** A container checkpoint archive, as podman, CRI-O and containerd write it: a tar with spec.dump and config.dump. */

import { field, text } from '../../containers/json.js'
import { podName } from '../../containers/pod-name.js'
import type { ArchiveFormat } from '../format.js'
import type { ContainerRecord } from '../records.js'
import { moment, parsed, told } from '../values.js'

/** A block of tar; headers are one, contents are filled up to whole ones (POSIX.1-1988 ustar). */
const BLOCK = 512
/** What is read of a member; the configuration of a container is smaller. */
const MOST_MEMBER = 4 << 20
/** Members that are looked at; those that are wanted come among the first. */
const MOST_MEMBERS = 1 << 16
const WANTED = new Set(['spec.dump', 'config.dump'])

function isTar(beginning: Uint8Array): boolean {
  return Buffer.from(beginning.subarray(257, 262)).toString('latin1') === 'ustar'
}

function name(header: Buffer): string {
  const end = header.indexOf(0)
  return header.toString('latin1', 0, end < 0 || end > 100 ? 100 : end).replace(/^\.\//, '')
}

/** Size of a member's content, in octal digits; null where it is none. */
function sizeOf(header: Buffer): number | null {
  const digits = /^ *([0-7]{1,12})[ \0]*$/.exec(header.toString('latin1', 124, 136))?.[1]
  return digits === undefined ? null : Number.parseInt(digits, 8)
}

/** Bytes of a stream, one behind the other. */
class Bytes {
  private readonly pieces: AsyncIterator<Uint8Array>
  private held: Buffer = Buffer.alloc(0)

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.pieces = stream[Symbol.asyncIterator]()
  }

  /** The next ones, or null where the stream ends before. */
  async take(length: number): Promise<Buffer | null> {
    while (this.held.length < length) {
      const { value, done } = await this.pieces.next()
      if (done === true) return null
      this.held = Buffer.concat([this.held, value])
    }
    const taken = this.held.subarray(0, length)
    this.held = this.held.subarray(length)
    return taken
  }

  /** Whether there were as many. */
  async skip(length: number): Promise<boolean> {
    for (let left = length; left > 0; ) {
      const taken = await this.take(Math.min(left, BLOCK * 128))
      if (taken === null) return false
      left -= taken.length
    }
    return true
  }

  /** Lets the file go. */
  async end(): Promise<void> {
    await this.pieces.return?.()
  }
}

/** The wanted members of a tar, as far as it is one; `damaged` is told where it ends too soon. */
async function members(bytes: Bytes, damaged: () => void): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (let seen = 0; seen < MOST_MEMBERS && found.size < WANTED.size; seen++) {
    const header = await bytes.take(BLOCK)
    // The archive ends in blocks of zeros.
    if (header?.every((byte) => byte === 0)) return found
    const size = header !== null && isTar(header) ? sizeOf(header) : null
    if (header === null || size === null) break
    const padded = Math.ceil(size / BLOCK) * BLOCK
    const wanted = WANTED.has(name(header)) && size <= MOST_MEMBER
    const content = wanted ? await bytes.take(padded) : null
    if (content !== null) found.set(name(header), content.toString('utf8', 0, size))
    else if (wanted || !(await bytes.skip(padded))) break
  }
  if (found.size < WANTED.size) damaged()
  return found
}

export const checkpoint: ArchiveFormat = {
  name: 'container checkpoint',
  form: 'archive',
  recognises: isTar,
  async *read(stream, losses) {
    const bytes = new Bytes(stream)
    const found = await members(bytes, () => losses.malformed())
    await bytes.end()
    const [config, spec] = ['config.dump', 'spec.dump'].map((member) => parsed(found.get(member) ?? ''))
    const id = told(config, 'id')
    if (id === null) losses.malformed()
    else yield record(id, config, field(spec, 'annotations'))
  },
}

function record(id: string, config: unknown, annotations: unknown): ContainerRecord {
  const named = (cri: string, crio: string) => text(annotations, cri) ?? text(annotations, crio)
  const namespace = named('io.kubernetes.cri.sandbox-namespace', 'io.kubernetes.pod.namespace')
  const pod = named('io.kubernetes.cri.sandbox-name', 'io.kubernetes.pod.name')
  return {
    kind: 'container',
    id,
    time: moment(field(config, 'checkpointedTime')),
    name: told(annotations, 'io.kubernetes.container.name') ?? told(config, 'name'),
    image: told(config, 'rootfsImageName') ?? told(config, 'rootfsImage'),
    // Only what runs can be checkpointed; whether it went on is not said.
    running: null,
    pod: podName(namespace, pod),
    place: { node: null, address: null },
  }
}
