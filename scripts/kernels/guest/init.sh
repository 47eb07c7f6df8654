#!/bin/busybox sh
# The first process of a guest. First in the initramfs, then again below a root that containers can leave.
/bin/busybox mkdir -p /proc /sys /dev
if [ "$1" != again ]; then
  /bin/busybox mount -t tmpfs -o size=90% root /mnt
  /bin/busybox cp -a /bin /etc /image /modules /init /mnt
  # For capture.mjs: a root with what a host has that a plan's script runs on.
  [ ! -d /host ] || /bin/busybox cp -a /host /mnt
  /bin/busybox mkdir -p /mnt/proc /mnt/sys /mnt/dev /mnt/run /mnt/tmp
  exec /bin/busybox switch_root /mnt /init again
fi
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs -o mode=755 devtmpfs /dev
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o mode=620,gid=5 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs /run
mount -t tmpfs -o size=64m tmpfs /tmp
mount --make-rshared /
exec >/dev/console 2>&1 </dev/console
while read -r module; do insmod "/modules/$module" || echo "guest: without $module"; done </modules/order
for type in debugfs:/sys/kernel/debug tracefs:/sys/kernel/tracing securityfs:/sys/kernel/security bpf:/sys/fs/bpf; do
  mount -t "${type%%:*}" "${type%%:*}" "${type#*:}"
done
echo 0 >/proc/sys/kernel/printk_devkmsg 2>/dev/null
# Addresses of symbols and memory as they are, for the record.
echo 1 >/proc/sys/kernel/kptr_restrict

v1() {
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  for name in cpu,cpuacct memory pids devices freezer cpuset blkio net_cls,net_prio; do
    mkdir -p "/sys/fs/cgroup/$name"
    mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" || rmdir "/sys/fs/cgroup/$name"
  done
  mkdir -p /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
}
case $(cat /proc/cmdline) in
*guest.cgroup=v1*) v1 ;;
*guest.cgroup=hybrid*)
  v1
  mkdir /sys/fs/cgroup/unified
  mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
  ;;
*)
  mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
  echo '+memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
  ;;
esac

# For preempted.mjs: nothing but tasks that real-time work keeps from running, for good.
case $(cat /proc/cmdline) in
*guest.preempt*)
  echo -1 >/proc/sys/kernel/sched_rt_runtime_us
  for runtime in /sys/kernel/debug/sched/fair_server/cpu*/runtime; do echo 0 >"$runtime"; done
  guest preempt
  echo GUEST-READY
  read -r _
  ;;
esac

hostname guest
ip link set lo up
guest network
ip addr add 10.88.0.1/16 dev br0
ip link set br0 up
ip addr add 192.0.2.7/24 dev dummy7
ip link set dummy7 up
ip route add 198.51.100.0/24 via 192.0.2.1 metric 50
ip -6 addr add 2001:db8::7/64 dev dummy7
arp -s 192.0.2.9 02:00:00:00:00:09 2>/dev/null
sysctl -q -w kernel.core_pattern='|/bin/collect %p' vm.swappiness=17 net.ipv4.ip_forward=1
guest work
guest boxes
number=2
for box in web pause rootless old-style; do
  pid=$(cat /run/boxes/$box/pid) name=$(echo "veth-$box" | cut -c1-15)
  ip link set "$name" master br0
  ip link set "$name" up
  in="nsenter -t $pid -n"
  $in ip link set lo up
  $in ip addr add 10.88.0.$number/16 dev eth0
  $in ip link set eth0 up
  $in ip route add default via 10.88.0.1
  number=$((number + 1))
done
echo 'guest: <6>all is set up' >/dev/kmsg
if [ -d /host ]; then
  for name in proc sys dev; do mount --rbind "/$name" "/host/$name"; done
  mount -t ext4 /dev/vda /host/evidence || echo GUEST-FAILED
  mkdir -m 700 /dev/shm/salvor
  chroot /host /bin/bash /root/capture.sh 2>&1 | tee /host/evidence/capture.log
  umount /host/evidence
  echo GUEST-READY
  read -r _
fi
# What is set up goes on a little by itself: addresses of IPv6 are made sure of, workers come to rest.
sleep 4
# The shell itself has the redirected descriptor unless another one runs it.
(guest record >/dev/vda; exit $?) || echo GUEST-FAILED
sync
echo GUEST-READY
read -r _
guest churn &
echo GUEST-BUSY
read -r _
