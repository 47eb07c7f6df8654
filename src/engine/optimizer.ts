import { setFlagsFromString } from 'node:v8'

/** What V8 interprets of a function before it optimizes it, in bytes of bytecode; eight times its own choice. */
const INTERRUPT_BUDGET = 540_672

/**
 * Makes V8 optimize later: most of what a table calls often it does not call often enough to make good what optimizing
 * costs, which was a fifth of a short run's CPU time and a quarter of that of findings. For the whole process: only for
 * one that is salvor's own. V8 refuses code that was kept under other flags (bin/compiled.cjs): to be called when it is loaded.
 */
export function optimizeLater(): void {
  setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`)
}
