#!/bin/bash
# On the machine that builds the guest's disk: $ROOT is the guest's root, $BIN holds crio, pinns and crictl where there shall
# be CRI-O, k3s or kind, and $PARTS names the parts of provision.sh where not all are wanted. Needs gcc, and libc's static half.
set -euo pipefail
for program in ${BIN:+crio pinns crictl}; do install -D "$BIN/$program" "$ROOT/usr/local/bin/$program"; done
if [ -n "${PARTS:-}" ]; then echo "export PARTS='$PARTS'" >>"$ROOT/lab/env"; fi
gcc -O2 -static -s -o "$ROOT/usr/local/lib/lab-pause" "$(dirname "$0")/pause.c"
mkdir -p "$ROOT/etc/docker" "$ROOT/etc/containers"
echo '{"data-root": "/srv/engine/docker", "log-driver": "json-file"}' >"$ROOT/etc/docker/daemon.json"
chroot "$ROOT" systemctl disable docker.service docker.socket >/dev/null 2>&1 || true
chroot "$ROOT" useradd -m -u 1000 -s /bin/bash dev
grep -q ^dev: "$ROOT/etc/subuid" || echo dev:100000:65536 | tee -a "$ROOT/etc/subuid" >>"$ROOT/etc/subgid"
# What the engines said is part of the truth, and shall not stay in memory.
python3 - "$ROOT/lab/truth.py" <<'P'
import sys
path = sys.argv[1]
text = open(path).read()
extra = '''for dirpath, _, names in os.walk("/run/lab/raw"):
    for name in names:
        there = os.path.join(dirpath, name)
        files["raw/" + os.path.relpath(there, "/run/lab/raw")] = open(there, "rb").read()
        os.unlink(there)
'''
assert text.count("index = {name") == 1
open(path, "w").write(text.replace("index = {name", extra + "index = {name"))
P
