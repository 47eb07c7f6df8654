/**
 * Adds a value to a key's list. A copy of the list for each value would be quadratic, and an image may put everything
 * under one key.
 */
export function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key)
  if (known) known.push(value)
  else map.set(key, [value])
}
