#!/bin/bash
# Makes test/samples/features-debian12: a guest whose kernel has what hosts of containers rarely all have at once, and which
# is an initramfs alone, without a cgroup. Needs root, QEMU, a C compiler, busybox-static, ipset, iptables, iproute2, netbase, kmod, cpio.
#
#   make.sh FOLDER    where packages and the image go
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
salvor="$here/../../bin/salvor.cjs"
sample="$here/../../test/samples/features-debian12"
folder=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$folder"

package=$(apt-cache pkgnames linux-image-6.1.0- | grep -E '^linux-image-6\.1\.0-[0-9]+-amd64$' | sort -V | tail -1)
release=${package#linux-image-}
[ -d kernel ] || { apt-get download -q "$package" && dpkg-deb -x "$package"_*.deb kernel && depmod -b kernel "$release"; }

root="$folder/root"
rm -rf "$root"
mkdir -p "$root"/{bin,dev,etc,modules,proc,run,sys,usr/lib/x86_64-linux-gnu/xtables}
wanted="bochs dummy xt_set iptable_filter iptable_mangle ip_set_bitmap_ip ip_set_bitmap_ipmac ip_set_bitmap_port ip_set_list_set"
for type in ip net mac ipmac ipmark ipport ipportip ipportnet netport netiface netnet netportnet; do
  wanted="$wanted ip_set_hash_$type"
done
for module in $wanted; do
  modprobe -d kernel -S "$release" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
done | awk '!seen[$0]++' | while read -r file; do
  cp "$file" "$root/modules/"
  basename "$file" >>"$root/modules/order"
done
cp /bin/busybox "$root/bin/busybox"
cp "$here/init.sh" "$root/init"
chmod 755 "$root/init"
cp /etc/protocols /etc/services "$root/etc/"
cp "$(readlink -f "$(command -v ipset)")" "$root/bin/ipset"
cp "$(readlink -f "$(command -v iptables-legacy)")" "$root/bin/iptables-program"
printf '#!/bin/sh\nexec iptables-program iptables "$@"\n' >"$root/bin/iptables"
chmod 755 "$root/bin/iptables"
cp "$(command -v ip)" "$root/bin/ip"
cp /usr/lib/x86_64-linux-gnu/xtables/libxt_{set,SET,standard}.so "$root/usr/lib/x86_64-linux-gnu/xtables/"
cc -O1 -no-pie -Wl,-z,lazy,-z,norelro -o "$root/bin/hooked" "$here/hooked.c"
mkdir -p "$root/lib"
cc -O1 -fPIC -shared -o "$root/lib/libpreloaded.so" "$here/preloaded.c"
cp "$root/lib/libpreloaded.so" "$root/lib/libunlisted.so"
ldd "$root"/bin/{ipset,iptables-program,ip,hooked} | grep -o '/[^ ]*\.so[^ ]*' | sort -u | while read -r library; do
  install -D "$library" "$root$library"
done
(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) >initrd

rm -f console memory.elf monitor
mkfifo monitor
qemu-system-x86_64 -m 192 -smp 2 -cpu max,la57=off -accel tcg -kernel "kernel/boot/vmlinuz-$release" -initrd initrd \
  -append 'console=tty0 console=ttyS0 loglevel=3 no_timer_check' -display none -vga std -nic none -device vmcoreinfo \
  -serial file:console -monitor stdio <monitor >/dev/null &
exec 3>monitor
for _ in $(seq 600); do grep -q GUEST-READY console 2>/dev/null && break; sleep 1; done
grep -q GUEST-READY console
printf 'stop\ndump-guest-memory memory.elf\nquit\n' >&3
wait

mkdir -p "$sample/truth"
for what in ipset iptables screen hooked sections symbols; do
  tr -d '\r' <console | sed -n "/^BEGIN $what\$/,/^END\$/p" | sed '1d;$d' >"$sample/truth/$what.txt"
done
node "$salvor" distill memory.elf -o memory.lime --analyzers info,ipset,firewall,framebuffers,framebuffer-dump,cgroups,import-hooks,modules,module-dump --force -q
gzip -9nc memory.lime >"$sample/memory.lime.gz"
ls -l "$sample" "$sample/truth"
