/** Directories of the host by which a container that may write there takes it over, or reads what it should not. */

const WRITTEN_TO_TAKE_OVER =
  /^\/(?:$|etc(?:\/|$)|root(?:\/|$)|home(?:\/|$)|boot(?:\/|$)|s?bin(?:\/|$)|lib(?:64)?(?:\/|$)|usr(?:\/(?:local\/)?s?bin|\/lib|\/local)?$|var$|var\/lib$|var\/lib\/(?:kubelet|docker|containerd|containers|rancher|etcd)$|var\/spool\/cron|opt\/cni|run$|run\/(?:systemd|containerd|docker)$|dev$|proc$|sys$)/

/** Whether who writes below this directory of the host can run programs there, or read its secrets. */
export function leadsToHost(path: string | null): boolean {
  return path !== null && WRITTEN_TO_TAKE_OVER.test(path)
}
