/** Files and sockets of a node by which whoever has them in a container has the node, or its secrets. */

/** Sockets by which engines are told to start containers, and those of containerd's shims. */
const SOCKET =
  /(?:^|\/)(?:docker|dockershim|containerd|crio|podman|cri-dockerd|buildkitd|frakti)\.sock$|^@?\/?containerd-shim\/.|^\/run\/containerd\/s\/[0-9a-f]{64}$/
/** Where engines make these sockets. */
const OF_SOCKETS = /^(?:\/var)?\/run(?:\/(?:containerd|docker|crio|podman|k3s|k3s\/containerd))?$/

/** Where who writes runs programs on the node, or changes what the kernel and the engines obey. */
const WRITTEN = new RegExp(
  `^/(?:$|${[
    '(?:etc|root|home|boot)(?:/|$)',
    '(?:bin|sbin|lib|lib64)(?:/|$)',
    'usr$|usr/local$|usr/(?:local/)?(?:bin|sbin|lib|lib64|libexec)(?:/|$)',
    'var$|var/lib$|var/lib/(?:kubelet|docker|containerd|containers|rancher|etcd)(?:/|$)|var/spool/cron(?:/|$)',
    'opt$|opt/cni(?:/|$)',
    'run$|run/(?:containerd|docker|crio)$|run/systemd(?:/|$)|var/run$',
    '(?:dev|proc|sys)$|proc/sys(?:/kernel)?$|sys/(?:kernel|fs)$',
  ].join('|')})`,
)
/** Where keys, passwords and the files of other containers can be read. */
const READ =
  /^\/(?:$|etc(?:\/|$)|root(?:\/|$)|home(?:\/|$)|var$|var\/lib$|var\/lib\/(?:kubelet|docker|containerd|containers|rancher|etcd)(?:\/|$)|run$|var\/run$)/
/** What of the node's settings is no secret to anybody and decides nothing. */
const HARMLESS =
  /^\/etc\/(?:localtime|timezone|os-release|lsb-release|machine-id|hosts|hostname|resolv\.conf|nsswitch\.conf|protocols|services)$|^\/usr\/lib\/(?:os-release|locale|locale\/.{1,256})$/
/** Certificates, networks and names that everybody may read. */
const PUBLIC = /^\/etc\/(?:ssl\/certs|ca-certificates|pki\/(?:tls\/certs|ca-trust)|cni|passwd|group)(?:\/|$)/
/** Where engines and the kubelet keep what is a container's own. */
const OWN =
  /\/(?:kubelet\/pods\/[^/]+\/(?:volumes|volume-subpaths|containers|etc-hosts)|docker\/(?:volumes|containers)\/[^/]+|containers\/storage\/(?:volumes|overlay-containers)\/[^/]+|io\.containerd\.grpc\.v1\.cri\/sandboxes\/[^/]+)(?:\/|$)/

/** Whether who may write below this place of the node can take it over. */
export function givesNodeAway(path: string | null): boolean {
  return path !== null && WRITTEN.test(path) && !HARMLESS.test(path) && !isOwn(path)
}

/** Whether who may read below this place of the node finds secrets of it or of other containers. */
export function holdsSecretsOfNode(path: string | null): boolean {
  return path !== null && READ.test(path) && !HARMLESS.test(path) && !PUBLIC.test(path) && !isOwn(path)
}

/** Whether it was made for one container: a volume, or a file that engines put into each. */
export function isOwn(path: string | null): boolean {
  return path !== null && OWN.test(path)
}

/** Whether it is the name of a socket by which an engine obeys, as mounted or as connected to. */
export function isRuntimeSocket(path: string | null): boolean {
  return path !== null && SOCKET.test(path)
}

/** Whether it is such a socket, or a folder in which one is: a mount that is read-only lets connect as well. */
export function reachesRuntime(path: string | null): boolean {
  return isRuntimeSocket(path) || (path !== null && OF_SOCKETS.test(path))
}
