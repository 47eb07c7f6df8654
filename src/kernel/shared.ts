/** What several tables of one image read alike: read once on this thread, and kept as long as the image is open. */

import type { Warning } from '../warning.js'

interface Reading {
  readonly value: unknown
  readonly warnings: readonly Warning[]
}

/** The readings of one image. What makes a reading is its key. */
export type Shared = Map<unknown, Reading>

const images = new Map<number, Shared>()

/** The readings of an image. */
export function sharedOf(image: number): Shared {
  const known = images.get(image)
  if (known !== undefined) return known
  const shared: Shared = new Map()
  images.set(image, shared)
  return shared
}

/** Gives the memory of an image's readings back. */
export function forgetShared(image: number): void {
  images.delete(image)
}

/**
 * The reading that `make` makes, made the first time that it is asked for. Who asks later hears its warnings as well, so
 * that a table says the same alone and beside others. One that fails is not kept.
 */
export function once<T>(
  shared: Shared,
  make: (heard: (warning: Warning) => void) => T,
  key: unknown,
  warn: (warning: Warning) => void,
): T {
  const known = shared.get(key)
  if (known !== undefined) {
    known.warnings.forEach(warn)
    return known.value as T
  }
  const warnings: Warning[] = []
  try {
    const value = make((warning) => warnings.push(warning))
    shared.set(key, { value, warnings })
    return value
  } finally {
    warnings.forEach(warn)
  }
}
