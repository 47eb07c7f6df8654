/** Frames of kernel stacks with the functions they are of, as /proc/PID/stack shows them (fs/proc/base.c). */

import type { Kernel, Place } from './kernel.js'
import { KernelCode } from './kernel-code.js'
import { placeText } from './places.js'
import { readTaskStacks, type TaskStack } from './task-stacks.js'
import { candidates, type Found, type Frame, type Unwound, unwindByFramePointer, unwindByOrc } from './unwind.js'

/** A frame of a task, or why it has none. */
export interface StackFrame {
  /** The task whose stack it is on. */
  task: bigint
  /** The innermost is 0; null of a task without frames. */
  frame: number | null
  /** Where its function goes on. */
  address: bigint | null
  /** With the distance from the function's start. */
  symbol: string | null
  module: string | null
  /** How it was found; `running` of a task that is on a processor, `none` where there is no stack to read. */
  found: Found | 'running' | 'none'
}

/** All frames of some tasks, in their order, innermost first. Those of the scheduler itself are left out. */
export function readKernelStacks(kernel: Kernel, tasks: readonly bigint[]): StackFrame[] {
  const code = KernelCode.of(kernel)
  const scheduler = schedulerOf(kernel)
  const begins = beginningOf(kernel, scheduler)
  const stacks = readTaskStacks(kernel, tasks).map((stack) => ({ stack, unwound: unwind(stack, code, begins) }))
  const broken = stacks.filter(({ stack, unwound }) => stack.stack !== null && !unwound.whole).length
  if (broken > 0)
    kernel.warn({ code: 'torn', message: 'stacks that could not be followed to their end', count: broken })
  const shown = stacks.map(({ stack, unwound }) => ({
    stack,
    frames: unwound.frames.filter(({ address }) => !scheduler(address)),
  }))
  const places = kernel.resolve(shown.flatMap(({ frames }) => frames.map(placed)))
  let next = 0
  return shown.flatMap(({ stack, frames }): StackFrame[] => {
    if (frames.length === 0) return [noFrame(stack)]
    return frames.map((frame, index) => stackFrame(stack.task, frame, index, places[next++] ?? null))
  })
}

const NO_FRAMES: Unwound = { frames: [], whole: false }

function unwind({ stack, saved }: TaskStack, code: KernelCode, begins: (frames: readonly Frame[]) => boolean): Unwound {
  if (stack === null || saved === null) return NO_FRAMES
  const along = code.hasOrc ? unwindByOrc(stack, saved, code) : unwindByFramePointer(stack, saved, code)
  // What is on the stack is then of another moment than the registers, and no frame of it is this task's.
  if (!begins(along.frames)) return NO_FRAMES
  return along.whole || code.hasOrc ? along : candidates(stack, saved, code)
}

/**
 * Whether frames are of a task that sleeps: it called the scheduler, or was made and never ran. On x86-64 it was the
 * scheduler that saved the registers; on arm64 it was __switch_to(), which it calls.
 */
function beginningOf(kernel: Kernel, scheduler: (address: bigint) => boolean): (frames: readonly Frame[]) => boolean {
  const made = ['ret_from_fork', 'ret_from_fork_asm'].map((name) => kernel.address(name))
  const caller = kernel.info.architecture === 'x86_64' ? 0 : 1
  const isKnown = kernel.address('__sched_text_start') !== null && made.some((address) => address !== null)
  return (frames) => {
    const [first, left] = [frames[0], frames[caller]]
    return !isKnown || made.includes(first?.address ?? 0n) || (left !== undefined && scheduler(left.address))
  }
}

/** A call that is its function's last instruction returns to what lies behind it. */
function placed({ address, interrupted }: Frame): bigint {
  return interrupted ? address : address - 1n
}

function stackFrame(task: bigint, frame: Frame, index: number, place: Place | null): StackFrame {
  const offset = frame.address - placed(frame)
  const symbol = placeText(place?.offset == null ? place : { ...place, offset: place.offset + Number(offset) })
  const { address, found } = frame
  return { task, frame: index, address, symbol, module: place?.module ?? null, found }
}

function noFrame({ task, running }: TaskStack): StackFrame {
  const found = running ? 'running' : 'none'
  return { task, frame: null, address: null, symbol: null, module: null, found }
}

/** What waits in every stack and says nothing of why (in_sched_functions(), kernel/sched/core.c). */
function schedulerOf(kernel: Kernel): (address: bigint) => boolean {
  const areas = ['__sched_text', '__lock_text'].flatMap((name) => {
    const [start, end] = [kernel.address(`${name}_start`), kernel.address(`${name}_end`)]
    return start === null || end === null ? [] : [{ start, end }]
  })
  return (address) => areas.some(({ start, end }) => address >= start && address < end)
}
