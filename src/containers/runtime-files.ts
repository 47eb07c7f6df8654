/** Programs that start containers, where they are installed. */

/** They run from copies of themselves, so that no container can write over them (CVE-2019-5736). */
export const RUNTIMES = /^(?:runc|crun|youki|docker-runc)$/

/** Folders of the programs of distributions, of administrators, and of engines that bring their own. */
export const RUNTIME_FOLDERS = [
  ...['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/bin', '/sbin', '/usr/libexec/crio'],
  ...['/var/lib/rancher/k3s/data/current/bin', '/var/lib/rancher/rke2/bin', '/var/lib/k0s/bin'],
  ...['/snap/docker/current/bin', '/snap/microk8s/current/bin', '/home/kubernetes/bin', '/opt/bin'],
]
