/** What a plan is: files to run in order, why each right is asked for, and what to look after beside them. */

/** A file of a plan. */
export interface PlanFile {
  readonly name: string
  readonly content: string
  /** A script that is run, not read. */
  readonly executable?: boolean
}

/** A right that a plan asks for. */
export interface Privilege {
  readonly what: string
  readonly why: string
  /** What is lost without it. */
  readonly without: string
}

/** One thing to do. */
export interface Step {
  readonly what: string
  /** Lines for a shell on the responder's machine. */
  readonly commands?: readonly string[]
  /** What to know before. */
  readonly notes?: readonly string[]
}

export interface Plan {
  readonly title: string
  readonly files: readonly PlanFile[]
  readonly privileges: readonly Privilege[]
  /** What goes first is what is lost first. */
  readonly steps: readonly Step[]
  /** What stays undone by this plan, said plainly. */
  readonly limits: readonly string[]
}

/** Steps, files and privileges of one part of a plan. */
export interface Part {
  readonly files?: readonly PlanFile[]
  readonly privileges?: readonly Privilege[]
  readonly steps?: readonly Step[]
  readonly limits?: readonly string[]
}

export function joined(title: string, parts: readonly Part[]): Plan {
  return {
    title,
    files: parts.flatMap(({ files = [] }) => files),
    privileges: parts.flatMap(({ privileges = [] }) => privileges),
    steps: parts.flatMap(({ steps = [] }) => steps),
    limits: parts.flatMap(({ limits = [] }) => limits),
  }
}
