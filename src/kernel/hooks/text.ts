/**
 * First bytes of functions. Each that can be traced begins with a place that ftrace knows of: a NOP, or a call of ftrace's
 * where it is traced (kernel/trace/ftrace.c). Anything else, and a jump out of the kernel right behind it, was put there
 * by somebody.
 */

import type { Kernel } from '../kernel.js'
import { placeText } from '../places.js'
import { array, bytes, type Nested } from '../query.js'
import { ARM64_CODE } from './code-arm64.js'
import type { CodeForm } from './code-form.js'
import { X86_CODE } from './code-x86.js'
import { isWithin, madeCode } from './made-code.js'
import type { Pointer } from './pointer.js'
import { chained, ownerOf } from './tables.js'

/** Records of one group (struct ftrace_page), which is of whole pages; a kernel with all its modules has some 120 000. */
const MOST_IN_GROUP = 1 << 20
/** FTRACE_FL_ENABLED (include/linux/ftrace.h): the highest bit of 32. */
const ENABLED = 2 ** 31
/** Bytes of a function that are looked at: the place that is traced, and the longest jump behind it. */
const LOOKED_AT = 24
/** How code looks, by `uname -m`. */
const FORMS: Readonly<Record<string, CodeForm>> = { x86_64: X86_CODE, aarch64: ARM64_CODE }

const FUNCTIONS = {
  walk: array('records', { count: 'index', most: MOST_IN_GROUP }),
  select: { at: 'ip', flags: 'flags', code: bytes('((char *)ip)', { length: LOOKED_AT }) },
} satisfies Nested

/** A function's first bytes. */
interface Function {
  at: bigint
  code: Uint8Array
  /** Whether ftrace says that it is traced; null where ftrace does not know it. */
  traced: boolean | null
}

/** What leads out of a function at once: a way that is known, or a change. */
interface Way {
  from: Function
  target: bigint
  kind: 'ftrace site' | 'function'
  wrong: boolean
}

export function textPointers(kernel: Kernel): Pointer[] {
  const form = FORMS[kernel.info.architecture]
  if (form === undefined) return []
  const functions = [...traceable(kernel, form), ...entries(kernel, form)]
  const ways = functions.flatMap((from) => waysOut(from, form))
  const ranges = madeCode(kernel)
  const own = kernel.resolve(ways.map(({ from }) => from.at))
  const reached = kernel.resolve(ways.map(({ target }) => target))
  return ways.flatMap((way, row) => {
    const [place = null, target = null] = [own[row], reached[row]]
    const made = isWithin(ranges, way.target)
    const symbol = placeText(place)
    // A function of a module may end in a call of any other's.
    const leaves = target === null ? !made : place?.module === 'kernel' && target.module !== 'kernel'
    if (way.kind === 'function' && !way.wrong && !leaves) return []
    return {
      kind: way.kind,
      name: symbol,
      index: null,
      address: way.target,
      owner: ownerOf(place),
      expected: way.kind === 'function' ? 'no jump' : 'ftrace_caller',
      made,
      wrong: way.kind === 'function',
    }
  })
}

function traceable(kernel: Kernel, form: CodeForm): Function[] {
  const pages = chained(kernel, 'ftrace_pages_start', 'struct ftrace_page', {}, { functions: FUNCTIONS })
  if (pages === null) return []
  const functions = pages.child('functions')
  const [at, flags, code] = [functions.column('at'), functions.column('flags'), functions.column('code')]
  const found: Function[] = []
  let lost = 0
  for (let row = 0; row < functions.length; row++) {
    const bytes = code.bytes(row)
    const [address, flag] = [at.bigint(row), flags.number(row)]
    if (bytes === null || address === null || flag === null) continue
    // Nobody's code: who runs into it crashes the host.
    if (bytes.every((byte) => byte === 0)) {
      lost++
      continue
    }
    const traced = Math.floor(flag / ENABLED) % 2 === 1
    // Nearly all are untouched: what is behind is looked at, and no object is made.
    if (traced || !form.isNop(bytes) || form.mayLeave(bytes.subarray(form.site)))
      found.push({ at: address, code: bytes, traced })
  }
  if (lost > 0) {
    const message = 'where functions begin are zeros, which is no code: whether they are hooked is not known'
    kernel.warn({ code: 'unreadable', message, count: lost })
  }
  return found
}

function entries(kernel: Kernel, form: CodeForm): Function[] {
  const batch = kernel
    .at(
      form.entries.flatMap((symbol) => kernel.addresses(symbol)),
      'char',
    )
    .select({ code: bytes('', { length: LOOKED_AT }) })
  return Array.from({ length: batch.length }, (_, row) => row).flatMap((row) => {
    const code = batch.column('code').bytes(row)
    return code === null ? [] : [{ at: batch.address(row), code, traced: null }]
  })
}

function waysOut(from: Function, form: CodeForm): Way[] {
  const { at, code, traced } = from
  if (traced === null) return leaving(from, 0, form)
  const first = form.call(at, code) ?? form.jump(at, code, 0)
  const patched = traced ? form.isTraced(code) : form.isNop(code)
  if (!patched) return [{ from, target: first ?? form.far(at, code, 0) ?? at, kind: 'function', wrong: true }]
  const site: Way[] = traced && first !== null ? [{ from, target: first, kind: 'ftrace site', wrong: false }] : []
  return [...site, ...leaving(from, form.site, form)]
}

/** A jump that begins at a place of a function's. */
function leaving(from: Function, place: number, form: CodeForm): Way[] {
  const { at, code } = from
  const jump = form.jump(at, code, place)
  if (jump !== null) return [{ from, target: jump, kind: 'function', wrong: false }]
  const far = form.far(at, code, place)
  return far === null ? [] : [{ from, target: far, kind: 'function', wrong: true }]
}
