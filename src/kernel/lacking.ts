/** Doing without the types of modules, which a kernel before 5.11 keeps none of, and one that is not loaded has not. */

/** What `read` gives, or what the kernel's types lack for it. */
export function unlessLacking<T>(read: () => T): { value: T; lacks: null } | { value: null; lacks: string } {
  try {
    return { value: read(), lacks: null }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'NO_SYMBOLS') {
      return { value: null, lacks: error.message }
    }
    throw error
  }
}
