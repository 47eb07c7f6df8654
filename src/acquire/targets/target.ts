import type { Plan } from '../plan.js'
import type { PlanRequest } from '../request.js'

/** What a plan can be made for: one file in this folder, and a line in the table of `index.ts`. */
export interface Target {
  readonly name: string
  readonly summary: string
  /** Options it takes beside the case. */
  readonly takes: readonly string[]
  /** Those that it cannot do without; of a list, one of them. */
  readonly needs: readonly (readonly string[])[]
  readonly plan: (request: PlanRequest) => Plan
}
