/** Where the engines keep what they declare: their defaults and those of the distributions that move them. */

import type { CachedFiles } from './cached-files.js'
import type { DataRoots } from './data-roots.js'

const containerdState = [
  '/run/containerd',
  '/run/k3s/containerd',
  // Bottlerocket's own, for its host containers.
  '/run/host-containerd',
  '/run/k0s/containerd',
  '/var/snap/microk8s/common/run/containerd',
]

const containerdRoots = [
  '/var/lib/containerd',
  '/var/lib/rancher/k3s/agent/containerd',
  '/var/lib/rancher/rke2/agent/containerd',
  '/var/lib/k0s/containerd',
  '/var/lib/host-containerd',
  '/var/snap/microk8s/common/var/lib/containerd',
]

const storageRoots = ['/var/lib/containers/storage', '/run/containers/storage']

export interface Layout {
  /** Hold `<namespace>/<id>/config.json`. */
  bundles: string[]
  /** Hold runc's `<id>/state.json` or crun's `<id>/status`, with the containerd namespace where there is one. */
  states: { path: string; namespace: string | null }[]
  /** Hold `<id>/config.v2.json`. */
  docker: string[]
  /** libnetwork's databases. */
  networks: string[]
  /** Hold `containers/<id>/status` and `sandboxes/<id>/`. */
  cri: string[]
  metadata: string[]
  /** Hold `containers.json` and `<id>/userdata/`. */
  storage: string[]
}

/** Folders where engines keep things by default, and those that their daemons were told. */
export function findLayout(files: CachedFiles, roots: DataRoots): Layout {
  const users = directories(files, '/run/user')
  const homes = [...directories(files, '/home'), '/root']
  const under = (roots: string[], tail: string): string[] => roots.map((root) => `${root}/${tail}`)

  const docked = ['/run/docker', ...ownVarRun(files, roots), ...roots.docker_state]
  const states = [
    ...containerdState,
    ...roots.containerd_state,
    ...under(docked, 'containerd/daemon'),
    ...under(users, 'docker/containerd/daemon'),
    ...under(users, 'containerd'),
  ]
  const shims = ['io.containerd.runtime.v2.task', 'io.containerd.runtime.v1.linux']
  const byNamespace = [
    ...under(states, 'runc'),
    // One per runtime that dockerd was configured with: runtime-runc, runtime-nvidia …
    ...docked.flatMap((root) => directories(files, root).filter((path) => /\/runtime-[^/]+$/.test(path))),
    ...under(docked, 'plugins/runtime-root'),
    ...under(users, 'docker/runtime-runc'),
  ]
  const contents = [...containerdRoots, ...roots.containerd]
  const storage = [
    ...storageRoots,
    ...roots.storage,
    ...under(homes, '.local/share/containers/storage'),
    ...under(users, 'containers'),
  ]
  const docker = [
    '/var/lib/docker',
    ...roots.docker,
    '/var/snap/docker/common/var-lib-docker',
    ...under(homes, '.local/share/docker'),
  ]
  return {
    bundles: states.flatMap((state) => shims.map((shim) => `${state}/${shim}`)),
    states: [
      ...byNamespace.flatMap((root) =>
        directories(files, root).map((path) => ({ path, namespace: path.slice(root.length + 1) })),
      ),
      ...['/run/runc', '/run/crun', ...under(users, 'runc'), ...under(users, 'crun')].map((path) => ({
        path,
        namespace: null,
      })),
    ],
    docker: under(docker, 'containers'),
    networks: under(docker, 'network/files/local-kv.db'),
    cri: under(contents, 'io.containerd.grpc.v1.cri'),
    metadata: under(contents, 'io.containerd.metadata.v1.bolt/meta.db'),
    // The directory's first word is the storage driver.
    storage: storage.flatMap((root) =>
      directories(files, root).filter((path) =>
        /\/(?:overlay|vfs|btrfs|zfs|overlay2|aufs|devicemapper)-containers$/.test(path),
      ),
    ),
  }
}

/** Where Docker is, its state is in /var/run, a link to /run on most hosts; in the image of an engine within a container it may be none. */
function ownVarRun(files: CachedFiles, roots: DataRoots): string[] {
  const isUsed = roots.docker.length > 0 || files.list('/var/lib').some(({ name }) => name === 'docker')
  const isOwn = () => files.list('/var').some(({ name, kind }) => name === 'run' && kind === 'directory')
  return isUsed && isOwn() ? ['/var/run/docker'] : []
}

export function directories(files: CachedFiles, path: string): string[] {
  return files
    .list(path)
    .filter((entry) => entry.kind === 'directory')
    .map((entry) => entry.path)
}
