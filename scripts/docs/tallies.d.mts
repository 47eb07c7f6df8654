export function readTallies(): object
export function isOf(
  finding: Readonly<Record<string, unknown>>,
  trace: { readonly pids?: readonly number[]; readonly names?: readonly string[]; readonly container?: string },
): boolean
