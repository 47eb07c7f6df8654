/** What a plan is asked for, checked before anything is written. */

import { SalvorError } from '../engine/errors.js'

/** Where an image goes. */
export type Destination =
  | { readonly kind: 's3'; readonly uri: string }
  | { readonly kind: 'presigned' }
  | { readonly kind: 'claim'; readonly name: string }
  | { readonly kind: 'folder'; readonly path: string }

/** A container of a pod; without one, all of the pod. */
export interface PodName {
  readonly namespace: string
  readonly pod: string
  readonly container: string | null
}

/** Who has asked for what. What a target needs is there; what it does not take is not. */
export interface PlanRequest {
  readonly case: string
  /** What a host is called in the names of files. */
  readonly name: string | null
  readonly nodes: readonly string[]
  readonly pods: readonly PodName[]
  readonly image: string
  readonly to: Destination
  readonly compress: boolean
  /** Where the program is: a path on the host, or an object that is fetched. */
  readonly avml: string | null
  readonly avmlSha256: string | null
  readonly namespace: string
  readonly role: string | null
  readonly region: string | null
  readonly cluster: string | null
  readonly instance: string | null
  readonly tasks: readonly string[]
  readonly volumes: readonly string[]
  readonly logGroups: readonly string[]
  readonly flowLogs: readonly string[]
}

/** Options as they were given: a list for each, empty where it was not. */
export type Given = Readonly<Record<string, readonly string[]>>

const label = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/
/** RFC 1123, as Kubernetes has it for nodes and most other names. */
const subdomain = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/
const dnsLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const pinned = /^[a-z0-9][\w./:-]*@sha256:[0-9a-f]{64}$/

function refuse(option: string, value: string, wanted: string): never {
  throw new SalvorError('USAGE', `--${option} takes ${wanted}, not ${JSON.stringify(value)}`)
}

function checked(option: string, value: string, form: RegExp, wanted: string): string {
  return form.test(value) ? value : refuse(option, value, wanted)
}

/** Values go into scripts, where they are quoted; what no name has is refused all the same. */
function refuseControls(given: Given): void {
  for (const [option, values] of Object.entries(given)) {
    for (const value of values) {
      if (/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(value)) refuse(option, value, 'a text without control characters')
    }
  }
}

function destination(value: string): Destination {
  if (value === 'presigned') return { kind: 'presigned' }
  if (value.startsWith('/')) return { kind: 'folder', path: value.length > 1 ? value.replace(/\/+$/, '') : value }
  const [, bucket, prefix] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/*$/.exec(value) ?? []
  if (bucket !== undefined) return { kind: 's3', uri: `s3://${bucket}${prefix ? `/${prefix}` : ''}` }
  const [, claim] = /^claim:(.+)$/.exec(value) ?? []
  if (claim !== undefined && subdomain.test(claim)) return { kind: 'claim', name: claim }
  return refuse('to', value, 's3://BUCKET/PREFIX, presigned, claim:NAME or /FOLDER')
}

function podName(value: string): PodName {
  const [namespace = '', pod = '', container = null, ...more] = value.split('/')
  const named = dnsLabel.test(namespace) && subdomain.test(pod) && (container === null || dnsLabel.test(container))
  if (!named || more.length > 0) refuse('pod', value, 'NAMESPACE/POD or NAMESPACE/POD/CONTAINER')
  return { namespace, pod, container }
}

function imageName(value: string): string {
  if (pinned.test(value)) return value
  throw new SalvorError(
    'USAGE',
    `--image ${value} is not pinned: name it with its digest, NAME@sha256:…, so that what runs as root on evidence is ` +
      'known byte for byte (docker buildx imagetools inspect NAME, or crane digest NAME, tells it)',
  )
}

/** Reads options that are of the right names already: see `takes` of each target. */
export function readRequest(given: Given): PlanRequest {
  refuseControls(given)
  const one = (option: string): string | null => given[option]?.at(-1) ?? null
  const form = (option: string, pattern: RegExp, wanted: string): string | null => {
    const value = one(option)
    return value === null ? null : checked(option, value, pattern, wanted)
  }
  const each = (option: string, pattern: RegExp, wanted: string): string[] => {
    return [...new Set(given[option] ?? [])].map((value) => checked(option, value, pattern, wanted))
  }
  const image = one('image')
  const to = one('to')
  return {
    case: checked('case', one('case') ?? '', label, 'up to 63 letters, digits, dots and dashes'),
    name: one('name'),
    nodes: each('node', subdomain, 'a name in lower case, as Kubernetes has it'),
    pods: (given.pod ?? []).map(podName),
    image: image === null ? '' : imageName(image),
    to: to === null ? { kind: 'folder', path: '/var/tmp' } : destination(to),
    compress: given['no-compress'] === undefined,
    avml: form('avml', /^(?:\/|s3:\/\/)[\w./@=+-]+$/, 'a path on the host, or s3://BUCKET/KEY'),
    avmlSha256: form('avml-sha256', /^[0-9a-f]{64}$/, '64 hexadecimal digits'),
    namespace: form('namespace', dnsLabel, 'a name in lower case') ?? 'salvor-acquire',
    role: form('role', /^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/, 'the ARN of a role'),
    region: form('region', /^[a-z]{2}(?:-[a-z]+)+-\d$/, 'a region such as eu-west-1'),
    cluster: form('cluster', /^[A-Za-z0-9][\w-]{0,254}$/, 'the name of a cluster'),
    instance: form('instance', /^i-[0-9a-f]{8,17}$/, 'an id such as i-0123456789abcdef0'),
    tasks: each('task', /^(?:arn:aws[\w-]*:ecs:[\w-]+:\d{12}:task\/[\w/-]+|[0-9a-f]{32})$/, 'the id or ARN of a task'),
    volumes: each('volume', /^vol-[0-9a-f]{8,17}$/, 'an id such as vol-0123456789abcdef0'),
    logGroups: each('log-group', /^[\w/.#-]{1,512}$/, 'the name of a log group'),
    flowLogs: each('flow-logs', /^[\w/.#-]{1,512}$/, 'the name of a log group'),
  }
}
