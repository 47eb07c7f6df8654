#!/usr/bin/env python3
"""Take the memory of a guest when dropped.sh has dropped its page cache, and before anybody asks dockerd for the truth.

usage: at-dropped.py IMAGE_FOLDER      beside boot.py … --extra '-qmp unix:IMAGE_FOLDER/side.sock,server=on,wait=off'

Waits for LAB-DROPPED in IMAGE_FOLDER/serial.log, writes IMAGE_FOLDER/dropped/memory.elf, and lets the guest go on.
"""
import json
import os
import socket
import sys
import time

folder = sys.argv[1]
for _ in range(3600):
    time.sleep(1)
    try:
        with open(folder + "/serial.log", "rb") as serial:
            if b"LAB-DROPPED" in serial.read():
                break
    except OSError:
        continue
else:
    sys.exit("the guest never said LAB-DROPPED")

side = socket.socket(socket.AF_UNIX)
side.connect(folder + "/side.sock")
stream = side.makefile("rw")
stream.readline()


def qmp(command, **arguments):
    stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    stream.flush()
    while True:
        reply = json.loads(stream.readline())
        if "return" in reply:
            return reply["return"]
        if "error" in reply:
            raise RuntimeError(reply["error"])


qmp("qmp_capabilities")
# With its CPUs in the idle loop, where nothing is half done.
for _ in range(200):
    qmp("stop")
    registers = qmp("human-monitor-command", **{"command-line": "info registers -a"})
    if registers.count("HLT=1") == registers.count("CPU#"):
        break
    qmp("cont")
    time.sleep(0.05)
os.makedirs(folder + "/dropped", exist_ok=True)
qmp("dump-guest-memory", paging=False, protocol="file:%s/dropped/memory.elf" % os.path.abspath(folder))
qmp("cont")
# What engines say is all of the truth that a sample of it has: the rest is of a later moment.
open(folder + "/dropped/engines-alone", "w").close()
if not os.path.islink(folder + "/dropped/truth"):
    os.symlink("../truth", folder + "/dropped/truth")
