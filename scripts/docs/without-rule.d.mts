export const WITHOUT_RULE: readonly {
  readonly sign: string
  readonly why: string
  readonly tables: readonly string[]
}[]
