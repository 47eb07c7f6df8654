/** Every function pointer that a rootkit would change, of all kinds. */

import type { Kernel } from '../kernel.js'
import { readHooks } from '../netfilter.js'
import { formatPointers } from './formats.js'
import { idtPointers } from './idt.js'
import { notifierPointers } from './notifiers.js'
import { operationPointers } from './operations.js'
import { judge, type KernelHook, type Pointer } from './pointer.js'
import { probePointers } from './probes.js'
import { procPointers } from './proc.js'
import { protocolPointers } from './protocols.js'
import { securityPointers } from './security.js'
import { syscallPointers } from './syscalls.js'
import { terminalPointers } from './terminals.js'
import { textPointers } from './text.js'
import { waitingPointers } from './waiting.js'

const COLLECTORS: readonly ((kernel: Kernel) => Pointer[])[] = [
  syscallPointers,
  idtPointers,
  textPointers,
  probePointers,
  notifierPointers,
  terminalPointers,
  procPointers,
  operationPointers,
  protocolPointers,
  netfilterPointers,
  securityPointers,
  formatPointers,
  waitingPointers,
]

/** All of them, kind by kind. */
export function readKernelHooks(kernel: Kernel): KernelHook[] {
  return judge(
    kernel,
    COLLECTORS.flatMap((collect) => collect(kernel)),
  )
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
