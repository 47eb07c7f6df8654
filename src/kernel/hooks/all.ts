/** Every function pointer that a rootkit would change, of all kinds. */

import type { Kernel } from '../kernel.js'
import { unlessLacking } from '../lacking.js'
import { readHooks } from '../netfilter.js'
import { formatPointers } from './formats.js'
import { idtPointers } from './idt.js'
import { notifierPointers } from './notifiers.js'
import { operationPointers } from './operations.js'
import { judge, type KernelHook, type Pointer } from './pointer.js'
import { ftracePointers, kprobePointers, perfPointers, tracepointPointers } from './probes.js'
import { procPointers } from './proc.js'
import { protocolPointers } from './protocols.js'
import { securityPointers } from './security.js'
import { syscallPointers } from './syscalls.js'
import { terminalPointers } from './terminals.js'
import { textPointers } from './text.js'
import { waitingPointers } from './waiting.js'

/** By what they are of. */
const COLLECTORS: Readonly<Record<string, (kernel: Kernel) => Pointer[]>> = {
  'system calls': syscallPointers,
  interrupts: idtPointers,
  'first bytes of functions': textPointers,
  ftrace: ftracePointers,
  kprobes: kprobePointers,
  tracepoints: tracepointPointers,
  'perf events': perfPointers,
  notifiers: notifierPointers,
  terminals: terminalPointers,
  'files of /proc': procPointers,
  operations: operationPointers,
  protocols: protocolPointers,
  netfilter: netfilterPointers,
  'security modules': securityPointers,
  'program formats': formatPointers,
  'timers and works': waitingPointers,
}

/** All of them, kind by kind; of a kind that the kernel was built without there are none, which is said. */
export function readKernelHooks(kernel: Kernel): KernelHook[] {
  const pointers = Object.entries(COLLECTORS).flatMap(([kind, collect]) => {
    const { value, lacks } = unlessLacking(() => collect(kernel))
    if (lacks !== null) kernel.warn({ code: 'absent', message: `no ${kind} are looked at: ${lacks}`, count: 1 })
    return value ?? []
  })
  return judge(kernel, pointers)
}

function netfilterPointers(kernel: Kernel): Pointer[] {
  return readHooks(kernel).map(({ net_ns, family, hook, device, position, address, registered }) => ({
    kind: 'netfilter',
    name: [family, hook, device, net_ns].filter((part) => part !== null).join(' '),
    index: position,
    address,
    owner: null,
    wrong: registered !== null && registered !== address,
  }))
}
