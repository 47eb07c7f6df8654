/** Before the name of a pod: its containers are meant, and no container is called so. */
export const POD = 'pod:'

/** A pod as people and filters name it, `namespace/name`; null where either is unknown. */
export function podName(namespace: string | null, name: string | null): string | null {
  return namespace === null || name === null ? null : `${namespace}/${name}`
}
