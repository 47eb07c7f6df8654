/** What responders' files say, in one form whatever the format: only what can be joined with memory, and how it reads. */

/** What the evidence itself says of something: fields that are read here, and all others. */
export interface Said {
  readonly said?: unknown
}

/** A container as an engine or the API shows it. */
export interface ContainerRecord extends Said {
  readonly kind: 'container'
  readonly id: string
  readonly time: string | null
  readonly name: string | null
  readonly image: string | null
  readonly running: boolean | null
  /** Its pod, as namespace/name. */
  readonly pod: string | null
  readonly place: Place
}

/** A pod as the API or crictl shows it. */
export interface PodRecord extends Said {
  readonly kind: 'pod'
  /** Its uid, and the hash that is the uid on the node where it is a static pod. */
  readonly ids: readonly string[]
  readonly time: string | null
  /** As namespace/name. */
  readonly name: string
  readonly namespace: string
  readonly running: boolean | null
  readonly labels: ReadonlyMap<string, string>
  readonly place: Place
}

/** On which node; both null where the file is of the node itself. */
export interface Place {
  readonly node: string | null
  readonly address: string | null
}

/** Says that the records of this file are all that there are of something. */
export interface ListingRecord {
  readonly kind: 'listing'
  readonly of: 'containers' | 'sandboxes' | 'pods'
  /** Whose: `docker`, or those of pods. */
  readonly engine: 'docker' | 'pods'
  /** False where what is listed may have been chosen. */
  readonly whole: boolean
}

/** A request for a shell or command in a pod, of the Kubernetes audit log. */
export interface ExecRecord extends Said {
  readonly kind: 'exec'
  readonly id: string | null
  readonly time: string
  /** exec or attach. */
  readonly what: string
  readonly user: string | null
  readonly from: string | null
  readonly agent: string | null
  readonly pod: string
  readonly container: string | null
  readonly command: readonly string[]
  readonly status: number | null
}

/** A moment that the audit log has a record of. */
export interface CoveredRecord {
  readonly kind: 'covered'
  readonly time: string
}

/** A call that was signed with an access key, of CloudTrail. */
export interface KeyUseRecord extends Said {
  readonly kind: 'key-use'
  readonly time: string | null
  readonly key: string
  /** `sts:GetCallerIdentity`. */
  readonly call: string
  readonly from: string | null
  readonly agent: string | null
  readonly who: string | null
  readonly error: string | null
}

/** One side and the other of a connection. */
export interface Ends {
  readonly protocol: string
  readonly source: string
  readonly source_port: number
  readonly target: string
  readonly target_port: number
}

/** A flow of VPC flow logs. */
export interface FlowRecord extends Ends, Said {
  readonly kind: 'flow'
  readonly time: string | null
  readonly action: string | null
  readonly bytes: number | null
}

/** What GuardDuty found. */
export interface FindingRecord extends Said {
  readonly kind: 'finding'
  readonly time: string | null
  readonly type: string
  readonly title: string | null
  readonly severity: number | null
  readonly container: string | null
  readonly pod: string | null
  readonly pid: number | null
  readonly exe: string | null
  readonly remote: string | null
  readonly remote_port: number | null
  readonly key: string | null
}

/** Networks and ports that may be talked to. */
export interface AllowedRecord {
  readonly kind: 'allowed'
  /** Networks in CIDR; empty for any. */
  readonly networks: readonly string[]
  /** Networks in these that are left out. */
  readonly except: readonly string[]
  /** Ports from and to; empty for any. */
  readonly ports: readonly { readonly from: number; readonly to: number; readonly protocol: string | null }[]
  /** What way connections that it is about go; null for both. */
  readonly way: 'in' | 'out' | null
  /** For which pods; null for everything on the host. */
  readonly pods: { readonly namespace: string; readonly labels: ReadonlyMap<string, string> } | null
}

/** Anything that a file says. */
export type EvidenceRecord =
  | ContainerRecord
  | PodRecord
  | ListingRecord
  | ExecRecord
  | CoveredRecord
  | KeyUseRecord
  | FlowRecord
  | FindingRecord
  | AllowedRecord
