#!/bin/busybox sh
# The guest of make.sh: sets of ipset, a framebuffer, hooked programs and a module, and what the guest's own tools say of them, on its console.
/bin/busybox --install -s /bin 2>/dev/null
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
while read -r module; do insmod "/modules/$module"; done </modules/order
ip link add d0 type dummy

ipset create ips hash:ip; ipset add ips 10.0.0.1; ipset add ips 10.0.0.200
ipset create ips6 hash:ip family inet6; ipset add ips6 fd00::1
ipset create nets hash:net; ipset add nets 10.96.0.0/12; ipset add nets 192.168.5.0/24 nomatch
ipset create nets6 hash:net family inet6; ipset add nets6 2001:db8::/32
# As kube-proxy has them.
ipset create KUBE-CLUSTER-IP hash:ip,port comment
ipset add KUBE-CLUSTER-IP 10.96.0.1,tcp:443 comment "default/kubernetes:https"
ipset add KUBE-CLUSTER-IP 10.96.0.10,udp:53
ipset create KUBE-LOOP-BACK hash:ip,port,ip; ipset add KUBE-LOOP-BACK 10.244.0.2,udp:53,10.244.0.2
ipset create KUBE-NODE-PORT-TCP bitmap:port range 0-65535
ipset add KUBE-NODE-PORT-TCP 30080; ipset add KUBE-NODE-PORT-TCP 31443
ipset create counted hash:ip,port,net timeout 3600 counters
ipset add counted 10.1.1.1,tcp:80,10.2.0.0/16 packets 5 bytes 700; ipset add counted 10.1.1.2,icmp:8/0,10.3.0.0/24
ipset create net-port hash:net,port; ipset add net-port 10.7.0.0/16,tcp:8080
ipset create net-port6 hash:net,port family inet6; ipset add net-port6 fd01::/64,udp:53
ipset create net-iface hash:net,iface; ipset add net-iface 10.8.0.0/16,d0; ipset add net-iface 10.8.1.0/24,physdev:d0
ipset create net-net hash:net,net; ipset add net-net 10.9.0.0/16,10.10.0.0/24
ipset create net-port-net hash:net,port,net; ipset add net-port-net 10.11.0.0/16,sctp:99,10.12.0.0/24
ipset create macs hash:mac; ipset add macs 02:42:ac:11:00:02
ipset create ip-mark hash:ip,mark; ipset add ip-mark 10.13.0.1,0x63
ipset create ip-mac hash:ip,mac; ipset add ip-mac 10.14.0.1,02:42:ac:11:00:03
ipset create range bitmap:ip range 10.20.0.0/24 comment; ipset add range 10.20.0.7 comment "seven"
ipset create subnets bitmap:ip range 10.21.0.0/16 netmask 24; ipset add subnets 10.21.4.0
ipset create range-mac bitmap:ip,mac range 10.22.0.0/24
ipset add range-mac 10.22.0.5,02:42:ac:11:00:04; ipset add range-mac 10.22.0.6
ipset create lists list:set; ipset add lists ips; ipset add lists nets
ipset create empty hash:ip
ipset create marks hash:ip skbinfo
ipset create many hash:ip hashsize 64
number=0
while [ $number -lt 300 ]; do echo "add many 10.30.$((number / 200)).$((number % 200))"; number=$((number + 1)); done | ipset restore
ipset add many 10.30.2.0; ipset del many 10.30.0.5; ipset del many 10.30.2.0
iptables -A INPUT -m set --match-set ips src -j ACCEPT
iptables -A INPUT -m set ! --match-set KUBE-CLUSTER-IP dst,dst -j DROP
iptables -A INPUT -m set --match-set nets src --return-nomatch ! --update-counters --packets-gt 5 ! --bytes-eq 700 -j DROP
iptables -A INPUT -m set --match-set counted dst,dst,src ! --update-subcounters --bytes-lt 6000000000 -j ACCEPT
iptables -A FORWARD -j SET --add-set counted dst,dst,src --exist --timeout 77
iptables -A FORWARD -j SET --add-set ips src --del-set range dst
iptables -t mangle -A OUTPUT -j SET --map-set marks dst --map-mark --map-prio

sleep 2
for line in 1 2 3; do echo "salvor framebuffer line $line" >/dev/tty1; done
# Pixels that are known: lines 200 to 209 of 1280.
yes salvor | head -c $((10 * 1280 * 4)) | dd of=/dev/fb0 bs=5120 seek=200 conv=notrunc 2>/dev/null
sleep 2
echo BEGIN ipset; ipset save; echo END
echo BEGIN iptables; iptables -S; iptables -t mangle -S; echo END
echo BEGIN hooked
LD_PRELOAD=/lib/libpreloaded.so hooked /lib/libunlisted.so & hooked &
sleep 2
echo END
echo BEGIN sections
for file in /sys/module/dummy/sections/* /sys/module/dummy/sections/.[!.]*; do
  echo "${file##*/} $(cat "$file")"
done
echo END
echo BEGIN symbols; grep '\[dummy\]' /proc/kallsyms; echo END
echo BEGIN screen; cat /sys/class/graphics/fb0/name /sys/class/graphics/fb0/virtual_size /sys/class/graphics/fb0/stride; echo END
echo GUEST-READY
while :; do sleep 1000; done
