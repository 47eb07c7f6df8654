/** Programs that the kernel starts by itself, as root on the host: core_pattern, modprobe, release_agent. */

import { isInstalled } from './programs.js'

/** Storage of engines, where the files of containers lie; and ways into a container by one of its processes. */
const OF_CONTAINERS =
  /\/(?:overlay2?|overlay-containers|io\.containerd\.[\w.-]+|snapshots|rootfs|merged)\/|^\/proc\/|^\/var\/lib\/(?:docker|containerd|containers|kubelet)\//

/** How odd the path of such a program is: in a container's files, where everybody may write, or merely unusual. */
export function helperPlace(path: string): 'container' | 'odd' | 'installed' {
  if (OF_CONTAINERS.test(path)) return 'container'
  return isInstalled(path) ? 'installed' : 'odd'
}
