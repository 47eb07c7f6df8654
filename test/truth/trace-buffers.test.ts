/** What ftrace kept. Nothing was traced in the guests: copies of their memory are given some events. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { pageEvents } from '../../dist/src/kernel/trace-buffers.js'
import { sharedImages, table } from './images.js'
import { type Patch, patchedCopy, Scratch, word } from './patched.js'

const PER_CPU = 'struct ring_buffer_per_cpu'
const DATA_PAGE = 'struct buffer_data_page'
const EVENT = 'event_sched_process_exec'

/** The first word of an event: its kind or length, and the time since the one before it. */
const first = (kind: number, delta: number) => kind | (delta << 5)
/** `struct trace_entry`, in two words. */
const entry = (type: number, tid: number): number[] => [type, tid]

function bytesOf(words: readonly number[]): Buffer {
  const content = Buffer.alloc(words.length * 4)
  for (const [at, value] of words.entries()) content.writeUInt32LE(value, at * 4)
  return content
}

/** Fills the page of events that a path of the first processor's buffer leads to. */
function fill(kernel: Kernel, buffer: bigint, path: string, stamp: bigint, content: Buffer): Patch[] {
  const page = word(kernel, buffer, PER_CPU, `${path}->page`).value
  const scratch = new Scratch(kernel, page, 4096)
  scratch.put(word(kernel, page, DATA_PAGE, 'time_stamp').at, 8, stamp)
  scratch.put(word(kernel, page, DATA_PAGE, 'commit.a.counter').at, 8, content.length)
  scratch.write(page + 16n, content)
  return scratch.patches()
}

/** Of two events on the reader's page one was read; the newest page has two, and padding to its end. */
function trace(kernel: Kernel): Patch[] {
  const array = kernel.address('global_trace') ?? 0n
  const buffer = word(kernel, array, 'struct trace_array', 'array_buffer.buffer->buffers[0]').value
  const type = Number(
    word(kernel, kernel.address(EVENT) ?? 0n, 'struct trace_event_call', 'event.type').value & 0xffffn,
  )
  const read = word(kernel, buffer, PER_CPU, 'reader_page->read')
  const older = bytesOf([first(2, 0), ...entry(type, 99), first(2, 7), ...entry(type, 2)])
  const newer = bytesOf([
    ...[first(30, 0), 1 << 3],
    ...[first(2, 500), ...entry(type, 1)],
    ...[first(0, 5), 16, ...entry(0xfff0, 1), 0],
    ...[first(29, 0), 0],
  ])
  return [
    ...fill(kernel, buffer, 'reader_page', 1_000_000_000n, older),
    // Four bytes or eight, by the kernel: little-endian, and what is beside them is kept.
    [read.at, wordAt(kernel, read.at), (wordAt(kernel, read.at) & ~0xffffffffn) | 12n],
    ...fill(kernel, buffer, 'commit_page', 5_000_000_000n, newer),
  ]
}

/** A ring of two pages that is full on the second processor: the newest page is the one before the oldest. */
function wrapped(kernel: Kernel): Patch[] {
  const array = kernel.address('global_trace') ?? 0n
  const buffer = word(kernel, array, 'struct trace_array', 'array_buffer.buffer->buffers[1]').value
  const oldest = 'container_of(commit_page->list.prev, struct buffer_page, list)'
  const [flagged, plain] = [`${oldest}->list.next`, 'commit_page->list.next'].map((path) =>
    word(kernel, buffer, PER_CPU, path),
  )
  if (flagged === undefined || plain === undefined) throw new Error('no ring')
  expect([flagged.value & 3n, plain.value & 3n]).toEqual([1n, 0n])
  return [
    [flagged.at, flagged.value, flagged.value & ~3n],
    [plain.at, plain.value, plain.value | 1n],
    ...fill(kernel, buffer, oldest, 2_000_000_000n, bytesOf([first(2, 1), ...entry(0xfff0, 3)])),
    ...fill(kernel, buffer, 'commit_page', 3_000_000_000n, bytesOf([first(2, 1), ...entry(0xfff0, 4)])),
  ]
}

function wordAt(kernel: Kernel, at: bigint): bigint {
  return kernel.at([at], 'unsigned long').select({ value: '' }).column('value').bigint(0) ?? 0n
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()
    const traced = patchedCopy(image, (kernel) => [...trace(kernel), ...wrapped(kernel)])

    it('has none where nothing was traced', () => {
      const { rows, warnings } = table('trace-buffers', image.as('elf'))
      expect(rows).toEqual([])
      expect(warnings).toEqual([])
    })

    it('has what was not read, oldest first, each at its time', () => {
      const { rows, warnings } = table('trace-buffers', traced.path)
      expect(warnings).toEqual([])
      const host = { instance: null, cpu: 0, container: null }
      const exec = { ...host, event: 'sched:sched_process_exec' }
      expect(rows).toEqual([
        expect.objectContaining({ ...exec, tid: 2, comm: 'kthreadd', nanoseconds: 1_000_000_007 }),
        expect.objectContaining({ ...exec, tid: 1, comm: 'systemd', nanoseconds: 5_000_000_500 + 2 ** 30 }),
        expect.objectContaining({ ...host, event: null, tid: 1, nanoseconds: 5_000_000_505 + 2 ** 30 }),
        expect.objectContaining({ cpu: 1, tid: 3, nanoseconds: 2_000_000_001 }),
        expect.objectContaining({ cpu: 1, tid: 4, nanoseconds: 3_000_000_001 }),
      ])
    })
  })
}

describe('pageEvents', () => {
  it('gives back events of any lengths and distances', () => {
    const event = fc.record({
      extra: fc.nat(26),
      delta: fc.nat(2 ** 27 - 1),
      type: fc.nat(65535),
      tid: fc.nat(4 << 20),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        const words = events.flatMap(({ extra, delta, type, tid }) => [
          ...[first(2 + extra, delta) >>> 0, ...entry(type, tid)],
          ...new Array<number>(extra).fill(0),
        ])
        let nanoseconds = 1000n
        const wanted = events.map(({ delta, type, tid }) => {
          nanoseconds += BigInt(delta)
          return { nanoseconds, type, tid }
        })
        expect(pageEvents(bytesOf(words), 1000n, 0)).toEqual(wanted)
      }),
    )
  })

  it('ends on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 256 }), fc.nat(256), (bytes, read) => {
        expect(pageEvents(bytes, 0n, read).length).toBeLessThanOrEqual(bytes.length / 8)
      }),
    )
  })
})
