#!/bin/bash
# Takes the memory of the host it runs on with AVML, delivers it while it is read, and writes a manifest beside it.
# Everything it is told comes by the environment; salvor acquire plan writes that down, and nothing is put into this text.
#
#   SALVOR_CASE, SALVOR_NAME   the case, and what files are called: letters, digits, dots and dashes
#   SALVOR_TO                  s3 (the AWS CLI with the rights of the role), put (presigned URLs) or folder
#   SALVOR_S3                  s3://BUCKET/PREFIX, of s3
#   SALVOR_FOLDER              where files are written, of folder; of put, where they wait until they are sent
#   SALVOR_URLS                of put: a file with a line "NAME URL" for each file; it is a secret
#   SALVOR_COMPRESS            1: AVML's compressed format, else LiME
#   SALVOR_AVML                the program; SALVOR_AVML_SHA256: what it must hash to
#   SALVOR_WORK                a folder in memory for hashes and the manifest: nothing else is written on the host
#   SALVOR_FILES               deliver the files of this folder instead of memory: checkpoints
#   SALVOR_METADATA            1: also what the instance metadata service says of the EC2 instance, no credentials
#   SALVOR_STAY                1: stay when done or failed, for a DaemonSet would start again
set -euo pipefail
umask 077
export LC_ALL=C

say() { printf 'salvor: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

: "${SALVOR_CASE:?}" "${SALVOR_NAME:?}" "${SALVOR_TO:?}"
case $SALVOR_NAME in *[!A-Za-z0-9._-]* | .* | -*) die "SALVOR_NAME is no plain name" ;; esac
work=${SALVOR_WORK:-/dev/shm}
[ -d "$work" ] || die "there is no folder $work for hashes"

stay() {
  say "$1: staying, so that memory is not taken twice"
  # A shell hears no signal before what it waits for has ended.
  while :; do sleep 3600 & wait $!; done
}
trap 'exit 130' INT TERM
if [ "${SALVOR_STAY:-}" = 1 ]; then
  # In a volume of the pod, which outlives a container that was started again.
  [ ! -e "$work/started" ] || stay "was started before"
  touch "$work/started"
fi
temporary=$(mktemp -d "$work/salvor.XXXXXX")
# The shell's own temporary files, too.
export TMPDIR=$temporary
end() {
  rm -rf "$temporary"
  [ "${SALVOR_STAY:-}" != 1 ] || [ "$1" -ge 128 ] || stay "ended with exit code $1"
}
trap 'code=$?; end "$code"; exit "$code"' EXIT

# A text as JSON.
json() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g')"; }
first_line() { head -n 1 "$1" 2>/dev/null || true; }
sha256() { sha256sum | cut -d ' ' -f 1; }
# Of the host, also where this runs in a container that shares its processes.
host_file() { first_line "/proc/1/root/$1"; }

base=$SALVOR_NAME
# What is there already is somebody's evidence. The names of presigned URLs are fixed, though.
[ "$SALVOR_TO" = put ] || base=$SALVOR_NAME-$(date -u +%Y%m%dT%H%M%SZ)

url_of() {
  local name url
  while read -r name url; do
    if [ "$name" = "$1" ]; then printf "%s" "$url"; return; fi
  done <"${SALVOR_URLS:?}"
  return 1
}
# The bytes that S3 takes in one PUT.
most_put=$((5 * 1024 * 1024 * 1024))

# Sends a file by its presigned URL, which is in no list of processes and in no log.
put() {
  local url size
  url=$(url_of "$2") || die "no URL for $2 in SALVOR_URLS"
  case $url in *[\"\\]* | '') die "the URL of $2 is none" ;; esac
  size=$(wc -c <"$1")
  [ "$size" -le "$most_put" ] || die "$2 has $size bytes, more than one PUT takes: it stays at $1"
  printf 'url = "%s"\n' "$url" | curl --config - --fail --silent --show-error --upload-file "$1" --retry 3
}

in_folder() {
  local path=${SALVOR_FOLDER:?}/$1
  [ ! -e "$path" ] || die "$path is there already"
  cat >"$path.part" && { sync "$path.part" 2>/dev/null || sync; } && mv "$path.part" "$path"
}

# Writes what it reads where it belongs, under a name. Each step is tied to the one before: the shell does not end by
# itself at a step that fails in what something else waits for.
deliver() {
  case $SALVOR_TO in
    s3) aws s3 cp --only-show-errors --expected-size "$expected" - "${SALVOR_S3:?}/$1" ;;
    put) in_folder "$1" && put "$SALVOR_FOLDER/$1" "$1" && rm "$SALVOR_FOLDER/$1" ;;
    folder) in_folder "$1" ;;
    *) die "SALVOR_TO is $SALVOR_TO: s3, put or folder" ;;
  esac
}

# The entry of a file in the manifest, of what was hashed on its way.
entries=
entry() {
  local name=$1 kind=$2 format=$3 from=$4
  [ -z "$entries" ] || entries="$entries,
"
  entries="$entries    {\"name\": $(json "$name"), \"kind\": \"$kind\",$([ -z "$format" ] || printf ' "format": "%s",' "$format")"
  entries="$entries \"size\": $(tr -d ' \n' <"$temporary/size"), \"sha256\": \"$(cat "$temporary/hash")\","
  entries="$entries \"started\": \"$from\", \"ended\": \"$(now)\"}"
}

# Hashes and counts what it reads, and delivers it.
hashed() {
  rm -f "$temporary"/{hash,size,to-hash,to-count}
  mkfifo -m 600 "$temporary/to-hash" "$temporary/to-count"
  sha256 <"$temporary/to-hash" >"$temporary/hash" &
  local hashing=$!
  wc -c <"$temporary/to-count" >"$temporary/size" &
  local counting=$!
  local code=0
  tee "$temporary/to-hash" "$temporary/to-count" | deliver "$1" || code=$?
  wait "$hashing" "$counting"
  return "$code"
}

# As much at most, so that parts are large enough. Some awks write large numbers as 2.6e+10 unless told otherwise.
expected=$(awk '/^MemTotal:/ { printf "%.0f", $2 * 1024 + 1073741824 }' /proc/meminfo)
complete=true
took='null'
started=$(now)
uptime=$(cut -d ' ' -f 1 /proc/uptime)

# Where this kernel shows its memory: what lies behind strict /dev/mem is its first MiB alone.
memory_source() {
  if [ "$(stat -c %s /proc/kcore 2>/dev/null || echo 0)" -gt 8192 ]; then echo /proc/kcore
  elif [ -e /dev/crash ]; then echo /dev/crash
  else echo /dev/mem
  fi
}

take_memory() {
  local avml=${SALVOR_AVML:-avml} found hash extension=lime format=lime code=0 from
  found=$(command -v "$avml") || die "there is no program $avml"
  hash=$(sha256 <"$found")
  if [ -n "${SALVOR_AVML_SHA256:-}" ] && [ "$hash" != "$SALVOR_AVML_SHA256" ]; then
    die "$found has the hash $hash, not the one it must have: it is not run"
  fi
  local arguments=()
  # The verb came with 0.21.
  if "$found" --help 2>/dev/null | grep -q '^ *acquire'; then arguments+=(acquire); fi
  # One source: left to itself, AVML would try the next one, and write it behind what it has written already.
  arguments+=(--source "$(memory_source)")
  if [ "${SALVOR_COMPRESS:-}" = 1 ]; then
    arguments+=(--compress)
    extension=avml format=avml
  fi
  took="{\"name\": \"avml\", \"version\": $(json "$("$found" --version 2>/dev/null || true)"), \"sha256\": \"$hash\","
  took="$took \"arguments\": $(json "${arguments[*]}")}"
  from=$(now)
  say "taking memory as $base.$extension"
  # AVML follows no link, and /dev/stdout is one: hence a pipe with a name. It is held open for writing meanwhile, so that
  # whoever reads it comes to its end also where AVML never opens it.
  mkfifo -m 600 "$temporary/memory"
  # shellcheck disable=SC2094 # a pipe is no file
  {
    "$found" "${arguments[@]}" "$temporary/memory" 9>&- || touch "$temporary/failed"
  } 9>"$temporary/memory" 2>"$temporary/log" &
  local taking=$!
  hashed "$base.$extension" <"$temporary/memory" || code=$?
  wait "$taking"
  [ "$code" = 0 ] || die "delivery failed ($code): $(head -c 400 "$temporary/log")"
  if [ -e "$temporary/failed" ]; then
    complete=false
    say "AVML failed, what it wrote is not all: $(head -c 400 "$temporary/log")"
  fi
  [ "$(tr -d ' \n' <"$temporary/size")" != 0 ] || complete=false
  entry "$base.$extension" memory "$format" "$from"
}

# What the kernel says of the host, once memory is safe.
tell_facts() {
  local file
  for file in version cmdline uptime loadavg meminfo iomem modules mounts 1/mountinfo net/arp net/route; do
    printf '== /proc/%s\n' "$file"
    cat "/proc/$file" || true
  done
  printf '== processes\n'
  local pid
  for pid in /proc/[0-9]*; do
    printf '%s %s\t%s\n' "${pid#/proc/}" "$(first_line "$pid/comm")" "$(tr '\000' ' ' <"$pid/cmdline" || true)"
  done
} 2>/dev/null # processes end meanwhile

# What the instance is: nothing below iam/, where credentials are.
tell_instance() {
  local token
  local service=http://169.254.169.254/latest
  token=$(curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$service/api/token") || return 1
  printf 'header = "X-aws-ec2-metadata-token: %s"\n' "$token" |
    curl -sf -m 5 --config - "$service/dynamic/instance-identity/document"
}

deliver_files() {
  local path name from
  for path in "${SALVOR_FILES:?}"/*; do
    if [ ! -f "$path" ] || [ -L "$path" ]; then continue; fi
    name=$(basename "$path" | tr -c 'A-Za-z0-9._\n-' _)
    from=$(now)
    say "delivering $name"
    expected=$(wc -c <"$path")
    hashed "$base-$name" <"$path"
    entry "$base-$name" checkpoint '' "$from"
  done
  [ -n "$entries" ] || die "there is no file in $SALVOR_FILES"
}

if [ -n "${SALVOR_FILES:-}" ]; then
  deliver_files
else
  [ "$(id -u)" = 0 ] || die "only root can read memory"
  take_memory
  from=$(now)
  tell_facts >"$temporary/facts"
  hashed "$base.facts.txt" <"$temporary/facts"
  entry "$base.facts.txt" facts '' "$from"
  if [ "${SALVOR_METADATA:-}" = 1 ] && tell_instance >"$temporary/instance"; then
    hashed "$base.instance.json" <"$temporary/instance"
    entry "$base.instance.json" instance '' "$from"
  fi
fi

cat >"$temporary/manifest" <<MANIFEST
{
  "schema": "salvor-acquisition-1",
  "case": $(json "$SALVOR_CASE"),
  "complete": $complete,
  "host": {
    "name": $(json "${SALVOR_NODE:-$(first_line /proc/sys/kernel/hostname)}"),
    "machine_id": $(json "$(host_file etc/machine-id)"),
    "boot_id": $(json "$(first_line /proc/sys/kernel/random/boot_id)"),
    "kernel": $(json "$(first_line /proc/sys/kernel/osrelease)"),
    "uptime": $uptime
  },
  "tool": $took,
  "started": "$started",
  "ended": "$(now)",
  "files": [
$entries
  ]
}
MANIFEST
name=$base.manifest.json
expected=$(wc -c <"$temporary/manifest")
deliver "$name" <"$temporary/manifest"
# Kept apart from the manifest, this proves it: the log of a Job, the output of a command.
say "$name has the SHA-256 $(sha256 <"$temporary/manifest")"
[ "$complete" = true ]
