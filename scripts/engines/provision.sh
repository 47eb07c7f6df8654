#!/bin/bash
# In a Debian guest, as root at boot: containers of every engine and layout that the other images lack. What the engines
# say of them goes to /run/lab/raw, for the truth. A step that fails costs that step.
exec 2>&1
set -x
raw=/run/lab/raw work=/run/lab/work
# Which of the parts below there shall be: all, unless /lab/env names some.
PARTS=${PARTS:-podman user crio k3s docker dind kind bundles ctr}
wants() { [[ " $PARTS " == *" $1 "* ]]; }
mkdir -p $raw $work /etc/cni/net.d
images=/lab/images

# --- Images, all made of busybox; one whose /usr is the host's, for engines in containers.
box=$work/box
mkdir -p $box/{bin,etc,tmp,var,run,proc,sys,dev,root,srv}
cp /usr/bin/busybox $box/bin/
cp /usr/local/lib/lab-pause $box/pause
for name in sh sleep cat date mkdir echo ls httpd nc id; do ln -s busybox $box/bin/$name; done
echo 'root:x:0:0:root:/root:/bin/sh' >$box/etc/passwd
mkdir -p $images
tar -C $box -cf $images/box.tar .
node=$work/node
mkdir -p $node/{usr,etc,tmp,var,run,proc,sys,dev,root,lab}
for name in bin sbin lib lib64; do ln -s usr/$name $node/$name; done
cp /etc/passwd /etc/group /etc/nsswitch.conf $node/etc/
tar -C $node -cf $images/node.tar .

# --- podman as root, with runc and with crun, and a pod.
if wants podman; then
  podman import --change 'CMD ["/bin/sleep","87040"]' --change 'ENV PATH=/bin' $images/box.tar localhost/corp/box:1
  podman tag localhost/corp/box:1 localhost/pause:1 registry.k8s.io/pause:3.10
  podman save -q -m --format docker-archive -o $images/box-archive.tar localhost/corp/box:1 registry.k8s.io/pause:3.10
  podman run -d --name root-app --hostname root-app -e ROOT=yes --label team=core localhost/corp/box:1 sleep 87041
  podman --runtime runc run -d --name root-runc --network host localhost/corp/box:1 sleep 87042
  # Its runtime waits for the start, in the sealed copy of itself that it runs from.
  podman --runtime runc create --name root-waiting localhost/corp/box:1 sleep 87044
  podman --runtime runc init root-waiting
  podman run --name root-exited localhost/corp/box:1 sh -c 'exit 4'
  podman pod create --name root-pod --infra-image localhost/pause:1
  podman run -d --pod root-pod --name root-member localhost/corp/box:1 sleep 87043
fi

# --- podman of a user.
if wants user; then
  loginctl enable-linger dev
  for i in $(seq 60); do [ -S /run/user/1000/bus ] && break; sleep 1; done
  user() { runuser -u dev -- env -C /home/dev XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus HOME=/home/dev "$@"; }
  chmod a+r $images/*
  user podman import --change 'CMD ["sleep","87050"]' $images/box.tar localhost/dev/box:1
  user podman run -d --name dev-web --hostname dev-web -p 8088:80 -e USER_ENV=rootless --label team=dev localhost/dev/box:1 sleep 87051
  user podman run -d --name dev-keep --userns keep-id --network none localhost/dev/box:1 sleep 87052
  user podman run --name dev-exited localhost/dev/box:1 sh -c 'exit 6'
  user podman ps -aq --no-trunc | user xargs podman inspect >$raw/rootless-inspect.json
  podman pod inspect root-pod >$raw/podman-pod.json
fi

# --- CRI: one pod with one container, told as the kubelet tells it.
cat >/etc/cni/net.d/10-lab.conflist <<'J'
{"cniVersion":"1.0.0","name":"lab","plugins":[{"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":false,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.7.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}}]}
J
pod_files() { # FOLDER NAME NAMESPACE UID CGROUP IMAGE COMMAND
  mkdir -p $1 /var/lib/kubelet/pods/$4/containers/app
  echo "127.0.0.1 $2" >/var/lib/kubelet/pods/$4/etc-hosts
  cat >$1/pod.json <<J
{"metadata":{"name":"$2","namespace":"$3","uid":"$4","attempt":0},"hostname":"$2",
"log_directory":"/var/log/pods/$3_$2_$4","linux":{"cgroup_parent":"$5"},
"labels":{"app":"$2","io.kubernetes.pod.name":"$2","io.kubernetes.pod.namespace":"$3","io.kubernetes.pod.uid":"$4"},
"annotations":{"kubernetes.io/config.source":"api","corp/owner":"lab"}}
J
  cat >$1/container.json <<J
{"metadata":{"name":"app","attempt":1},"image":{"image":"$6"},"command":["sleep","$7"],"log_path":"app/1.log",
"envs":[{"key":"ROLE","value":"$2"}],
"mounts":[{"host_path":"/var/lib/kubelet/pods/$4/etc-hosts","container_path":"/etc/hosts"}],
"labels":{"io.kubernetes.container.name":"app","io.kubernetes.pod.name":"$2","io.kubernetes.pod.namespace":"$3","io.kubernetes.pod.uid":"$4"},
"annotations":{"io.kubernetes.container.restartCount":"1","io.kubernetes.container.terminationMessagePath":"/dev/termination-log"}}
J
  mkdir -p /var/log/pods/$3_$2_$4/app
}
slice() { echo "kubepods-besteffort-pod${1//-/_}.slice"; }
cri_truth() { # FOLDER COMMAND…
  local into=$raw/$1 id; shift
  mkdir -p $into
  "$@" ps -a -o json >$into/ps.json; "$@" pods -o json >$into/pods.json
  for id in $("$@" ps -aq --no-trunc); do "$@" inspect $id >$into/inspect-$id.json; done
  for id in $("$@" pods -q --no-trunc); do "$@" inspectp $id >$into/inspectp-$id.json; done
}

# --- CRI-O, whose storage is podman's.
if wants crio; then
  mkdir -p /etc/crio/crio.conf.d
  cat >/etc/crio/crio.conf.d/10-lab.conf <<'T'
[crio.image]
pause_image = "localhost/pause:1"
pause_command = "/pause"
signature_policy = "/etc/containers/policy.json"
[crio.network]
plugin_dirs = ["/usr/lib/cni"]
[crio.runtime]
default_runtime = "crun"
[crio.runtime.runtimes.crun]
runtime_path = "/usr/bin/crun"
runtime_root = "/run/crun"
monitor_path = "/usr/bin/conmon"
T
  [ -e /etc/containers/policy.json ] || echo '{"default":[{"type":"insecureAcceptAnything"}]}' >/etc/containers/policy.json
  systemd-run --unit crio --property Delegate=yes --property KillMode=process crio
  criocri() { crictl -t 300s -r unix:///var/run/crio/crio.sock "$@"; }
  for i in $(seq 90); do criocri version && break; sleep 1; done
  uid=c4a1d7b0-6e2f-4d18-b7aa-91f0e3c5d603
  pod_files $work/crio ledger finance $uid "$(slice $uid)" localhost/corp/box:1 87061
  criocri run --no-pull $work/crio/container.json $work/crio/pod.json
  uid=0b9e4f7c-3a55-4f0e-8c1d-7e6f5a4b3c04
  pod_files $work/crio2 shared finance $uid "$(slice $uid)" localhost/corp/box:1 87062
  sed -i 's/"cgroup_parent"/"security_context":{"namespace_options":{"pid":0,"network":2}},"cgroup_parent"/' $work/crio2/pod.json
  criocri run --no-pull $work/crio2/container.json $work/crio2/pod.json
  cri_truth crio criocri
fi

# --- k3s' paths: containerd as k3s starts it.
if wants k3s; then
  k3s=/var/lib/rancher/k3s/agent
  mkdir -p $k3s/etc/containerd /run/k3s/containerd
  cat >$k3s/etc/containerd/config.toml <<T
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.10"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "/etc/cni/net.d"
T
  systemd-run --unit k3s-containerd --property Delegate=yes --property KillMode=process \
    containerd -c $k3s/etc/containerd/config.toml -a /run/k3s/containerd/containerd.sock \
    --state /run/k3s/containerd --root $k3s/containerd
  k3sctr() { ctr -a /run/k3s/containerd/containerd.sock -n k8s.io "$@"; }
  for i in $(seq 60); do k3sctr version >/dev/null && break; sleep 1; done
  k3sctr images import $images/box-archive.tar
  uid=5d0e7c2a-1b44-4c9d-9a51-0a8c3f1e7b01
  pod_files $work/k3s edge-agent kube-system $uid "/kubepods.slice/kubepods-besteffort.slice/$(slice $uid)" localhost/corp/box:1 87021
  k3scri() { crictl -t 300s -r unix:///run/k3s/containerd/containerd.sock "$@"; }
  k3scri run --no-pull $work/k3s/container.json $work/k3s/pod.json
  cri_truth k3s k3scri
fi

# --- Docker whose data lies elsewhere: daemon.json says so.
if wants docker; then
  systemctl start docker
  for i in $(seq 90); do docker info >/dev/null && break; sleep 1; done
  docker import --change 'CMD ["sleep","87000"]' $images/box.tar corp/box:1
  docker import $images/node.tar corp/node:1
  docker run -d --name moved-web --hostname web -p 8081:80 --label com.docker.compose.project=moved \
    --label com.docker.compose.service=web -e MODE=production -v moved-data:/data corp/box:1 sleep 87001
  docker run -d --name moved-limited --memory 48m --pids-limit 20 --read-only --user 1000 corp/box:1 sleep 87002
  docker run -d --name moved-slice --cgroup-parent batch.slice corp/box:1 sleep 87003
  docker run --name moved-exited corp/box:1 sh -c 'echo done; exit 7'
  docker create --name moved-created corp/box:1 sleep 87004
  docker run --rm --name moved-removed corp/box:1 sh -c 'echo removed >/tmp/x; exit 0'
  docker run -d --name moved-paused corp/box:1 sleep 87005
  docker pause moved-paused
fi

# --- An engine within a container: Docker in Docker, as its image does it.
if wants dind; then
  docker run -d --privileged --name dind --hostname dind -v dind-data:/var/lib/docker -v /usr:/usr:ro \
    -v /etc/alternatives:/etc/alternatives:ro -v $images:/lab/images:ro --tmpfs /run corp/node:1 sh -c '
      mkdir -p /sys/fs/cgroup/init
      xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs || :
      sed -e "s/ / +/g" -e "s/^/+/" </sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
      exec dockerd --host=unix:///var/run/docker.sock'
  inner() { docker exec dind docker "$@"; }
  for i in $(seq 90); do inner info >/dev/null && break; sleep 1; done
  inner import /lab/images/box.tar inner/box:1
  inner run -d --name inner-web --hostname inner-web -e INNER=yes --label com.docker.compose.service=inner inner/box:1 sleep 87011
  inner run -d --name inner-parent --cgroup-parent /batch inner/box:1 sleep 87012
  inner run --name inner-exited inner/box:1 sh -c 'exit 5'
  # What its declaration does not say, and what is not from its image.
  inner run -d --name inner-drift --cap-add NET_ADMIN --security-opt seccomp=unconfined --memory 32m inner/box:1 sleep 87013
  inner exec inner-drift busybox cp /bin/busybox /tmp/busybox-dropped
  inner exec -d inner-drift /tmp/busybox-dropped sleep 87014
  # A client that stays connected with the engine in its own container.
  docker exec -d dind docker events
fi

# --- kind: a node in a container, with containerd and a pod in it.
if wants kind; then
  mkdir -p /lab/kind
  cat >/lab/kind/config.toml <<'T'
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.10"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
T
  uid=77f0a1de-9c02-4b6a-8f3e-2d5b6a7c8d02
  pod_files /lab/kind web default $uid /kubelet/kubepods/besteffort/pod$uid localhost/corp/box:1 87031
  docker run -d --privileged --name kind-control-plane --hostname kind-control-plane --label io.x-k8s.kind.cluster=kind \
    --label io.x-k8s.kind.role=control-plane -v /var -v /usr:/usr:ro -v /etc/alternatives:/etc/alternatives:ro \
    -v /lab/kind:/etc/containerd:ro -v $images:/lab/images:ro -v /etc/cni:/etc/cni:ro --tmpfs /run --tmpfs /tmp corp/node:1 sh -c '
      mkdir -p /sys/fs/cgroup/init
      xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs || :
      sed -e "s/ / +/g" -e "s/^/+/" </sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
      mkdir -p /var/log/pods /var/lib/kubelet/pods/'$uid'; echo "127.0.0.1 web" >/var/lib/kubelet/pods/'$uid'/etc-hosts
      exec containerd'
  kind() { docker exec kind-control-plane "$@"; }
  for i in $(seq 60); do kind ctr version >/dev/null && break; sleep 1; done
  kind ctr -n k8s.io images import /lab/images/box-archive.tar
  kindcri() { kind crictl -t 300s -r unix:///run/containerd/containerd.sock "$@"; }
  kindcri run --no-pull /etc/containerd/container.json /etc/containerd/pod.json
fi

# --- runc and crun by hand.
bundle() { # RUNTIME NAME SECONDS [VERB]
  # Not below /run: that is mounted noexec, and runc looks whether it may execute what it is to start.
  local folder=/srv/bundles/$2
  mkdir -p $folder/rootfs
  cp -a $box/. $folder/rootfs/
  (cd $folder && $1 spec && python3 - "$2" "$3" <<'P'
import json, sys
spec = json.load(open('config.json'))
spec['process'].update(terminal=False, args=['sleep', sys.argv[2]])
spec['hostname'] = sys.argv[1]
spec['root']['readonly'] = False
# By default it would be below the service that this runs in, which has processes of its own.
spec['linux']['cgroupsPath'] = '/' + sys.argv[1]
json.dump(spec, open('config.json', 'w'))
P
   $1 ${4:-run -d} $2 </dev/null >$raw/$2.txt 2>&1 || cat $raw/$2.txt)
}
if wants bundles; then
  bundle runc bare-runc 87071
  bundle crun bare-crun 87072
  # Its runtime waits for the start, in the sealed copy of itself that it runs from.
  bundle runc bare-waiting 87075 create
fi

# --- containerd by hand, as nerdctl labels it and without labels.
if wants ctr; then
  ctr -n default images import $images/box-archive.tar
  id=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
  ctr -n default run -d --label nerdctl/name=nd-web --label nerdctl/namespace=default --label nerdctl/hostname=nd-web \
    --runc-systemd-cgroup --cgroup system.slice:nerdctl:$id localhost/corp/box:1 $id sleep 87073
  ctr -n lab images import $images/box-archive.tar
  ctr -n lab run -d localhost/corp/box:1 plain-ctr sleep 87074
fi

# --- What the engines say.
if wants kind; then cri_truth kind kindcri; fi
if wants dind; then
  inner ps -aq --no-trunc | xargs docker exec dind docker inspect >$raw/dind-inspect.json
  inner diff inner-drift >$raw/dind-diff.txt
fi
if wants k3s; then k3sctr containers ls >$raw/k3s-ctr.txt; fi
crun list -f json >$raw/crun-list.json
runc list -f json >$raw/runc-list.json
journalctl -u crio -u k3s-containerd --no-pager | tail -200 >$raw/journal.txt
rm -rf $box $node
docker ps -a; podman ps -a; ps -eo pid,args | grep 870
