/**
 * Which container a cgroup path names. A path's components are read from the root on; each either gives context (a pod,
 * an ECS task), names a container, or means nothing. A container below a container (kind, minikube, docker in docker)
 * makes a chain. Whoever may create cgroups chooses these texts, so a path is a claim, and parsing it is bounded.
 */

export type Runtime =
  | 'docker'
  | 'containerd'
  | 'cri-o'
  | 'podman'
  | 'nerdctl'
  | 'lxc'
  | 'systemd-nspawn'
  | 'ecs'
  /** By hand, with no engine above it. */
  | 'runc'
  | 'crun'
  /** A container by its namespaces, of no engine that is known. */
  | 'unknown'

export type Qos = 'guaranteed' | 'burstable' | 'besteffort'

export interface CgroupScope {
  /** null where the path has an id and nothing else (Kubernetes with the cgroupfs driver). */
  runtime: Runtime | null
  id: string
  /** A monitor (conmon, lxc's) looks after the container and is not in it; a build is a step of an image build. */
  kind: 'container' | 'sandbox' | 'monitor' | 'build'
  /** As the API writes it; a static pod's is 32 hex digits without dashes. */
  pod_uid: string | null
  qos: Qos | null
  /** ECS task. */
  task: string | null
  /** containerd's namespace, where the path has it. */
  namespace: string | null
  /** The path has no more than an id below a directory, and `runtime` is the one that would have made it by default. */
  guessed: boolean
}

export interface CgroupIdentity {
  /** Outermost to innermost. */
  chain: CgroupScope[]
  /** The innermost scope that a process in this cgroup runs in; monitors are not it. */
  container: CgroupScope | null
  /** The nearest pod around the path's end, also where the path ends at the pod. */
  pod_uid: string | null
  qos: Qos | null
  /** The path is longer or deeper than any kernel path; the rest was not read. */
  truncated: boolean
}

interface Context {
  pod_uid: string | null
  qos: Qos | null
  task: string | null
}

const maximumPath = 4096
const maximumComponents = 256
const maximumChain = 16

const id64 = /^[0-9a-f]{64}$/
const fargateId = /^[0-9a-f]{32}-\d{1,20}$/
const taskId = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
const containerName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/
const podUid = /^[0-9A-Za-z][0-9A-Za-z_.-]{0,62}$/
// The part before "kubepods" is the kubelet's --cgroup-root (kind has "kubelet").
const podSlice = /^(?:[\w.-]{1,128}-)?kubepods(?:-(burstable|besteffort))?-pod([0-9A-Za-z][0-9A-Za-z_.]{0,62})\.slice$/
const kubepods = /^(?:[\w.-]{1,128}-)?kubepods(?:-(burstable|besteffort))?(?:\.slice)?$/
const ecsSlice = /^ecstasks-([0-9a-f]{32}|[0-9a-f]{8}(?:_[0-9a-f]{4}){3}_[0-9a-f]{12})\.slice$/

const prefixes: [string, Runtime, 'container' | 'monitor'][] = [
  ['crio-conmon-', 'cri-o', 'monitor'],
  ['libpod-conmon-', 'podman', 'monitor'],
  ['libpod-payload-', 'podman', 'container'],
  ['cri-containerd-', 'containerd', 'container'],
  ['crio-', 'cri-o', 'container'],
  ['docker-', 'docker', 'container'],
  ['nerdctl-', 'nerdctl', 'container'],
  ['libpod-', 'podman', 'container'],
  ['runc-', 'runc', 'container'],
  // libcrun's cgroup-systemd.c.
  ['crun-', 'crun', 'container'],
]

/** What a directory whose name alone says nothing more makes of the id below it. */
const parents: Record<string, Runtime> = {
  docker: 'docker',
  actions_job: 'docker',
  libpod_parent: 'podman',
  ecs: 'ecs',
}

const noShims: ReadonlySet<string> = new Set()

const containerdNamespaces = new Set(['default', 'k8s.io', 'moby', 'nerdctl', 'buildkit'])

/** `shimmed` are the `<namespace>/<id>` that containerd's shims name (see `shimmedBy`). */
export function parseCgroupPath(path: string, shimmed: ReadonlySet<string> = noShims): CgroupIdentity {
  const components = path
    .slice(0, maximumPath)
    .split('/', maximumComponents + 1)
    .filter((part) => part !== '' && part !== '.' && part !== '..')
  const chain: CgroupScope[] = []
  let context: Context = { pod_uid: null, qos: null, task: null }
  let truncated = path.length > maximumPath || components.length > maximumComponents

  for (let index = 0; index < Math.min(components.length, maximumComponents); index++) {
    const above = readContext(components, index, context)
    if (above !== null) {
      context = above
      continue
    }
    const scope = readScope(components, index, context, shimmed) ?? readNamed(components, index, context, shimmed)
    if (scope === null) continue
    const outer = chain.at(-1)
    // podman's split cgroups name the same container twice on the way down.
    if (outer?.id === scope.id && outer.runtime === scope.runtime) continue
    if (chain.length === maximumChain) {
      truncated = true
      break
    }
    chain.push(scope)
    context = { pod_uid: null, qos: null, task: null }
  }

  const container = chain.filter((scope) => scope.kind !== 'monitor').at(-1) ?? null
  const pod = context.pod_uid === null ? chain.filter((scope) => scope.pod_uid !== null).at(-1) : context
  return {
    chain,
    container,
    pod_uid: pod?.pod_uid ?? null,
    qos: pod?.qos ?? null,
    truncated,
  }
}

/** A component that names a pod, a QoS class or a task; null when it is none of these. */
function readContext(components: string[], index: number, context: Context): Context | null {
  const component = components[index] ?? ''
  const slice = readPodSlice(component)
  if (slice) return { ...slice, task: context.task }
  const root = kubepods.exec(component)
  if (root) return { pod_uid: null, qos: (root[1] as Qos | undefined) ?? 'guaranteed', task: context.task }
  const parent = components[index - 1] ?? ''
  if (context.qos !== null && context.pod_uid === null) {
    if (component === 'burstable' || component === 'besteffort') return { ...context, qos: component }
    if (component.startsWith('pod') && podUid.test(component.slice(3)))
      return { ...context, pod_uid: component.slice(3) }
  }
  const task = ecsSlice.exec(component)
  if (task?.[1]) return { ...context, task: task[1].replaceAll('_', '-') }
  if (parent === 'ecs' && taskId.test(component)) return { ...context, task: component }
  return null
}

function readPodSlice(component: string): { pod_uid: string; qos: Qos } | null {
  const match = podSlice.exec(component)
  if (!match?.[2]) return null
  return { pod_uid: match[2].replaceAll('_', '-'), qos: (match[1] as Qos | undefined) ?? 'guaranteed' }
}

function readScope(
  components: string[],
  index: number,
  context: Context,
  shimmed: ReadonlySet<string>,
): CgroupScope | null {
  const component = components[index] ?? ''
  // A container's mounts get units of their own, with its id in their names and no process in them.
  if (component.endsWith('.mount')) return null
  return (
    readColons(component, context) ??
    readPrefixed(component, components[index - 1] ?? '', context) ??
    readLxc(components, index, context) ??
    readMachine(components, index, context) ??
    readBare(components, index, context, shimmed)
  )
}

/** `slice:prefix:id`: systemd's notation handed to a runtime that drives cgroupfs, which took it for a name. */
function readColons(component: string, context: Context): CgroupScope | null {
  const parts = component.split(':', 4)
  const [slice, prefix, id] = parts
  if (parts.length !== 3 || slice === undefined || prefix === undefined || id === undefined) return null
  const runtime = prefixes.find(([name, , kind]) => name === `${prefix}-` && kind === 'container')?.[1]
  if (runtime === undefined) return null
  const pod = readPodSlice(slice)
  const of = pod ? { ...context, ...pod } : context
  if (id64.test(id)) return scope(runtime, id, 'container', of)
  // BuildKit inside dockerd gives its steps ids of another form.
  return runtime === 'docker' && containerName.test(id) ? scope(runtime, id, 'build', of) : null
}

function readPrefixed(component: string, parent: string, context: Context): CgroupScope | null {
  const scoped = component.endsWith('.scope')
  const name = scoped ? component.slice(0, -'.scope'.length) : component
  for (const [prefix, runtime, kind] of prefixes) {
    if (!name.startsWith(prefix)) continue
    const id = name.slice(prefix.length)
    if (!id64.test(id)) continue
    // CRI-O puts a sandbox without a process of its own directly below the pod's slice, not in a scope.
    const sandbox = prefix === 'crio-' && !scoped && parent.endsWith('.slice')
    return scope(runtime, id, sandbox ? 'sandbox' : kind, context)
  }
  return null
}

function readLxc(components: string[], index: number, context: Context): CgroupScope | null {
  const component = components[index] ?? ''
  const parent = components[index - 1] ?? ''
  for (const [name, kind] of [
    ['lxc.payload', 'container'],
    ['lxc.monitor', 'monitor'],
  ] as const) {
    const dotted = component.startsWith(`${name}.`) ? component.slice(name.length + 1) : null
    const id = dotted ?? (parent === name ? component : null)
    if (id !== null && containerName.test(id)) return scope('lxc', id, kind, context)
  }
  return parent === 'lxc' && containerName.test(component) ? scope('lxc', component, 'container', context) : null
}

/** systemd-nspawn keeps itself in `supervisor`, and what it runs in `payload`, below its unit or machined's scope. */
function readMachine(components: string[], index: number, context: Context): CgroupScope | null {
  if (components[index] !== 'payload') return null
  const unit = /^(?:systemd-nspawn@(.+)\.service|machine-(.+)\.scope)$/.exec(components[index - 1] ?? '')
  // In the names of units `-` stands for a slash, and is written as \x2d.
  const id = (unit?.[1] ?? unit?.[2])?.replaceAll('\\x2d', '-')
  return id !== undefined && containerName.test(id) ? scope('systemd-nspawn', id, 'container', context) : null
}

function readBare(
  components: string[],
  index: number,
  context: Context,
  shimmed: ReadonlySet<string>,
): CgroupScope | null {
  const component = components[index] ?? ''
  const parent = components[index - 1] ?? ''
  if (parent === 'buildkit' && containerName.test(component)) {
    const runtime = components[index - 2] === 'docker' ? 'docker' : 'containerd'
    return scope(runtime, component, 'build', context)
  }
  if (context.task !== null && (id64.test(component) || fargateId.test(component))) {
    return scope('ecs', component, 'container', context)
  }
  if (id64.test(component)) {
    // What Kata's runtime needs for itself beside its virtual machine.
    if (parent === 'kata_overhead') return scope(null, component, 'monitor', context)
    if (context.pod_uid !== null) return scope(null, component, 'container', context)
    const known = Object.hasOwn(parents, parent) ? parents[parent] : undefined
    if (known !== undefined) return scope(known, component, 'container', context)
    return readDirect(component, parent, index, context, shimmed)
  }
  return null
}

/** containerd's own default for a client that sets no path is /<namespace>/<id>. */
function readDirect(
  id: string,
  parent: string,
  index: number,
  context: Context,
  shimmed: ReadonlySet<string>,
): CgroupScope {
  if (index !== 1 || parent.includes('.slice')) return scope(null, id, 'container', context)
  const bare = scope(parent === 'moby' ? 'docker' : 'containerd', id, 'container', context)
  const isNamespace = containerdNamespaces.has(parent) || shimmed.has(`${parent}/${id}`)
  return isNamespace ? { ...bare, namespace: parent } : { ...bare, guessed: true }
}

/** A name given by hand (`ctr run … demo`) is told from any other directory by a known namespace, or by its shim. */
function readNamed(
  components: string[],
  index: number,
  context: Context,
  shimmed: ReadonlySet<string>,
): CgroupScope | null {
  const component = components[index] ?? ''
  const parent = components[index - 1] ?? ''
  if (index !== 1 || !containerName.test(component)) return null
  if (!containerdNamespaces.has(parent) && !shimmed.has(`${parent}/${component}`)) return null
  return { ...scope('containerd', component, 'container', context), namespace: parent }
}

function scope(runtime: Runtime | null, id: string, kind: CgroupScope['kind'], context: Context): CgroupScope {
  const qos = context.pod_uid === null ? null : context.qos
  return { runtime, id, kind, pod_uid: context.pod_uid, qos, task: context.task, namespace: null, guessed: false }
}
