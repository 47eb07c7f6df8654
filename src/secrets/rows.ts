/** The table of secrets: where each stands, whose it is, and whether whoever has it should. */

import { createHash } from 'node:crypto'
import { serviceAccountOf } from '../containers/jwt.js'
import type { Secret } from './find.js'

/** Where a secret was found. */
export interface SecretPlace {
  where: 'environment' | 'arguments' | 'declaration' | 'memory' | 'file'
  path: string | null
  /** Of the file's inode, or of the process's task_struct. */
  address: bigint
  pid: number | null
  comm: string | null
  container: string | null
  container_name: string | null
  pod: string | null
  /** Of the pod in whose process or volume it is. */
  pod_uid: string | null
}

export interface SecretRow extends Omit<SecretPlace, 'pod_uid'> {
  kind: string
  name: string | null
  owner_pod: string | null
  owner_pod_uid: string | null
  owner_account: string | null
  node: string | null
  audiences: string[] | null
  issued: string | null
  expires: string | null
  expired: boolean | null
  foreign: boolean | null
  length: number
  fingerprint: string
  value: string
  claims: object | null
}

/** `now` is ISO 8601, or null where nothing tells when memory was taken. */
export function secretRow(secret: Secret, place: SecretPlace, now: string | null, reveal: boolean): SecretRow {
  const { jwt, value } = secret
  const owner = jwt && serviceAccountOf(jwt)
  const { pod_uid, ...shown } = place
  const length = Buffer.byteLength(value)
  const expires = jwt?.expires ?? null
  const pod = owner?.pod == null ? null : `${owner.namespace ?? ''}/${owner.pod}`
  return {
    ...shown,
    kind: owner ? 'service-account-token' : secret.kind,
    name: secret.name,
    owner_pod: pod,
    owner_pod_uid: owner?.pod_uid ?? null,
    owner_account: owner?.account ? `${owner.namespace ?? ''}/${owner.account}` : secret.account,
    node: owner?.node ?? null,
    audiences: jwt?.audiences ?? null,
    issued: jwt?.issued ?? null,
    expires,
    expired: expires === null || now === null ? null : expires < now,
    foreign: owner?.pod == null || isHostsMemory(place) ? null : isForeign(owner, pod, place),
    length,
    fingerprint: createHash('sha256').update(value).digest('hex').slice(0, 12),
    value: reveal ? value : `${length} bytes, masked`,
    claims: jwt?.claims ?? null,
  }
}

/** The kubelet has the tokens of all pods of its node. */
function isHostsMemory({ where, container }: SecretPlace): boolean {
  return where === 'memory' && container === null
}

/** Two pods of one name, one after the other, are not the same; where a uid is not known their names decide. */
function isForeign(owner: { pod_uid: string | null }, pod: string | null, place: SecretPlace): boolean {
  if (owner.pod_uid !== null && place.pod_uid !== null) return owner.pod_uid !== place.pod_uid
  return pod !== place.pod
}
