/** Sockets by which engines are told to start containers: whoever may write to one is root on the host. */

const SOCKETS =
  /(?:^|\/)(?:docker|dockershim|containerd|crio|podman|cri-dockerd|buildkitd|frakti)\.sock$|^@?\/?containerd-shim\/.|^\/run\/containerd\/s\/[0-9a-f]{64}$/

/** Whether it is the name of such a socket, as mounted or as connected to. */
export function isRuntimeSocket(path: string | null): boolean {
  return path !== null && SOCKETS.test(path)
}
