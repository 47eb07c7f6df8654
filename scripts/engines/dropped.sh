#!/bin/bash
# In a Debian 13 guest, as root at boot: containers of Docker, and then a host whose clean page cache is gone, as it goes under
# memory pressure. `docker inspect` is asked only after whoever boots the guest had time to take its memory at LAB-DROPPED:
# dockerd has then answered nobody, and its heap holds no answer that tells what its files told.
exec 2>&1
set -x
images=/lab/images
box=/run/lab/box
mkdir -p $box/{bin,etc,tmp,var,run,proc,sys,dev,root,srv} $images
cp /usr/bin/busybox $box/bin/
for name in sh sleep cat date mkdir echo ls httpd nc id true; do ln -s busybox $box/bin/$name; done
echo 'root:x:0:0:root:/root:/bin/sh' >$box/etc/passwd
tar -C $box -cf $images/box.tar .

systemctl start docker
for i in $(seq 90); do docker info >/dev/null && break; sleep 1; done
docker import --change 'CMD ["/bin/sleep","86900"]' $images/box.tar corp/base:1
docker tag corp/base:1 registry.corp.example:5000/shop/web:1.4
docker tag corp/base:1 shop/cache:7
rm -rf $box $images/box.tar

label() { echo "--label com.docker.compose.project=shop --label com.docker.compose.service=$1 --label com.docker.compose.container-number=1"; }
docker network create --subnet 172.30.0.0/24 shop_frontend
mkdir -p /srv/data
docker run -d --name shop-web-1 --hostname web --network shop_frontend -p 8080:80 $(label web) -e SHOP_ENV=production \
  registry.corp.example:5000/shop/web:1.4 httpd -f -p 80
docker run -d --name shop-cache-1 --hostname cache --network shop_frontend $(label cache) shop/cache:7 sleep 86902
docker run -d --name corp-batch -e DB_PASSWORD=lab-S3cret-pa55 -v /srv/data:/data:ro corp/base:1 sleep 86903
docker run -d corp/base:1                             # named by dockerd, command of the image
docker run -d --hostname nameless shop/cache:7 sleep 86905
docker run -d --name corp-hostnet --network host corp/base:1 sleep 86906
docker run -d --name corp-alone --network none --read-only --user 1000 corp/base:1 sleep 86907
docker run -d --name corp-sidecar --network container:shop-web-1 --restart always corp/base:1 sleep 86908
docker run -d --name corp-by-id "$(docker image inspect -f '{{.Id}}' corp/base:1)" sleep 86909
docker run -d --name corp-before corp/base:1 sleep 86910
docker rename corp-before corp-after
docker run -d --name corp-paused corp/base:1 sleep 86911
docker pause corp-paused
docker run --name corp-exited corp/base:1 sh -c 'exit 3'
docker create --name corp-created corp/base:1 sleep 86912
docker run --rm --name corp-removed corp/base:1 true

# What pressure does: clean pages go, those that somebody maps stay.
sleep 20
sync
echo 3 >/proc/sys/vm/drop_caches
sleep 5
echo LAB-DROPPED >/dev/console
sleep "${DROPPED_WAIT:-90}"
