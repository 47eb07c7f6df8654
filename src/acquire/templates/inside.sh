# Run in the container, with no more than a shell and the plainest tools.
date -u
cat /proc/version
for process in /proc/[0-9]*; do
  echo "== $process"
  tr '\000' ' ' <"$process/cmdline"
  echo
  ls -l "$process/exe" "$process/cwd" "$process/fd"
  cat "$process/status" "$process/maps"
done
for file in net/tcp net/tcp6 net/udp net/udp6 net/unix mounts; do
  echo "== /proc/$file"
  cat "/proc/$file"
done
