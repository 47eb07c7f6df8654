# What a plan's records scripts begin with: each record is the output of one command, in a file of the folder that is
# named, with a manifest as a capture has it. A record that cannot be had is told and left out, and the others go on.
umask 077
export LC_ALL=C
out=${1:-records-$(date -u +%Y%m%dT%H%M%SZ)}
mkdir "$out"
missing=0
entries=
began=$(date -u +%Y-%m-%dT%H:%M:%SZ)

say() { printf 'salvor: %s\n' "$*" >&2; }
json() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037\177' | sed 's/[\\"]/\\&/g')"; }

# record NAME COMMAND...: the command's output becomes the file NAME.
record() {
  local name from problem
  name=$(printf '%s' "$1" | tr -c 'A-Za-z0-9._-' _)
  shift
  from=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  if ! problem=$("$@" 2>&1 >"$out/$name"); then
    missing=$((missing + 1))
    say "could not be had: $*: $(printf '%s' "$problem" | head -c 300 | tr '\n' ' ')"
    # Half of a record is better than none of it.
    if [ ! -s "$out/$name" ]; then rm -f "$out/$name"; return 0; fi
  fi
  [ -z "$entries" ] || entries="$entries,
"
  entries="$entries    {\"name\": \"$name\", \"kind\": \"record\", \"size\": $(wc -c <"$out/$name" | tr -d ' '),"
  entries="$entries \"sha256\": \"$(sha256sum <"$out/$name" | cut -d ' ' -f 1)\","
  entries="$entries \"started\": \"$from\", \"ended\": \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"}"
}

finish() {
  local complete=true
  [ "$missing" = 0 ] || complete=false
  cat >"$out/records.manifest.json" <<MANIFEST
{
  "schema": "salvor-acquisition-1",
  "case": $(json "${SALVOR_CASE:?}"),
  "complete": $complete,
  "host": {"name": $(json "${SALVOR_NAME:?}")},
  "tool": null,
  "started": "$began",
  "ended": "$(date -u +%Y-%m-%dT%H:%M:%SZ)",
  "files": [
$entries
  ]
}
MANIFEST
  say "records.manifest.json has the SHA-256 $(sha256sum <"$out/records.manifest.json" | cut -d ' ' -f 1)"
  [ "$missing" = 0 ] || say "$missing records could not be had"
  [ "$missing" = 0 ]
}

