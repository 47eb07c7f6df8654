/** Devices by their numbers. */

/** MINORBITS (include/linux/kdev_t.h). */
const MINOR_BITS = 20

/** `major:minor` of a `dev_t`, as mountinfo has it. */
export function deviceName(device: number | null): string | null {
  return device === null ? null : `${device >>> MINOR_BITS}:${device & ((1 << MINOR_BITS) - 1)}`
}
