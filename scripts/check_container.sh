#!/bin/sh
# scripts/check_container.sh: builds the image that packaging/Containerfile describes, without a registry: the image it begins with is a
# Debian 12 that debootstrap makes. Runs it as the image says, as its user and on a root that cannot be written: the command, the
# server, the health check, SIGTERM. Nothing of this machine may be in the image, and no compiler. Needs root, buildah, debootstrap,
# curl, port 8080, the network for packages, and 8 GB below $TMPDIR. The build trusts the certificates that this machine trusts.
set -eu
. "$(dirname "$0")/debian_root.sh"
command -v buildah >/dev/null || { echo "$0: install buildah" >&2 && exit 2; }
source=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d "${TMPDIR:-/tmp}/valence-container-XXXXXX")
export TMPDIR="$work"
root=$work/run
server=
clean() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    umount -R "$root" 2>/dev/null || true
    ! mountpoint -q "$root" || exit 1
    images umount --all >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 1' INT TERM
images() { buildah --root "$work/storage" --runroot "$work/runtime" --storage-driver vfs "$@"; }
wrong() { echo "$0: $*" >&2 && exit 1; }

# ---- What it begins with: as small as Debian's image of that name ----
base=$work/base
make_debian "$base" "$work/log"
cat >"$base/etc/dpkg/dpkg.cfg.d/slim" <<'END'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*
END
cat >"$base/etc/apt/apt.conf.d/keep-nothing" <<'END'
APT::Keep-Downloaded-Packages "false";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
END
rm -rf "$base"/usr/share/info/* "$base"/usr/share/locale/* "$base"/usr/share/man/* "$base"/var/log/*.log
find "$base/usr/share/doc" -mindepth 1 -not -type d -not -name copyright -delete
# What debootstrap takes from this machine.
for file in resolv.conf hostname; do
    : >"$base/etc/$file"
done
tar -C "$base" -cf "$work/base.tar" .
container=$(images from scratch)
images add --quiet "$container" "$work/base.tar" / >/dev/null
images config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
images commit --quiet --rm "$container" localhost/debian:bookworm-slim >/dev/null
rm -rf "$base" "$work/base.tar"

# ---- The image ----
certificates=/etc/ssl/certs/ca-certificates.crt
set --
[ ! -e "$certificates" ] || set -- --secret "id=certificates,src=$certificates"
images build --isolation chroot --pull-never --format docker "$@" -f "$source/packaging/Containerfile" -t valence "$source" \
    >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2 && wrong "the image cannot be built"; }
container=$(images from --pull-never valence)
unpacked=$(images mount "$container")
echo "the image: $(du -smx "$unpacked" | cut -f 1) MB, of which $(images images --format '{{.Size}}' localhost/debian:bookworm-slim) are Debian's"
of_image() { # of_image FIELD: of its configuration; the words of a list
    images inspect --type image --format "{{range .Docker.Config.$1}}{{.}}
{{end}}" valence | sed '/^$/d'
}
user=$(images inspect --type image --format '{{.Docker.Config.User}}' valence)
[ "$user" = valence ] || wrong "the image runs as '$user'"
for tool in cc gcc c++ make cmake ninja npm node git; do
    found=$(find "$unpacked/usr/bin" "$unpacked/usr/local" -name "$tool")
    [ -z "$found" ] || wrong "the image has $tool"
done
found=$(grep -rlF -e "$source" -e "$work" "$unpacked" || true)
[ -z "$found" ] || wrong "files of the image name folders of this machine: $found"
found=$(find "$unpacked/valence" "$unpacked/tmp" "$unpacked/usr/local/share" "$unpacked/var/lib/apt/lists" "$unpacked/var/cache/apt" \
    -name '*.deb' -o -name '*.crt' -o -name '*_Packages*' 2>/dev/null || true)
[ -z "$found" ] || wrong "the image has what only its build needs: $found"

# ---- It runs: what is mounted is what docs/packaging.md mounts ----
mkdir "$root"
mount --bind "$unpacked" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/secrets" "$work/models"
mount --bind "$work/models" "$root/var/lib/valence"
of_image Env >"$work/environment"
entrypoint=$(of_image Entrypoint)
# By exec, so that its number is the server's own, which gets the signal.
inside() { exec chroot --userspec=valence:valence "$root" env -i HOME=/var/lib/valence $(cat "$work/environment") "$@"; }
fetch_model() { # with the network
    cp /etc/resolv.conf "$work/resolv.conf"
    mount --bind "$work/resolv.conf" "$root/etc/resolv.conf"
    chown -R 10001:10001 "$work/models"
    (inside "$entrypoint" models fetch smollm2)
}
give_model "$work/models" fetch_model
chown -R 10001:10001 "$work/models"
key=$(od -An -N 16 -t x1 /dev/urandom | tr -d ' ')
echo "$key" >"$root/run/secrets/valence-api-key"
chown 10001 "$root/run/secrets/valence-api-key"
chmod 400 "$root/run/secrets/valence-api-key"

(inside "$entrypoint" --version)
! (inside sh -c ': >/usr/written') 2>/dev/null || wrong "the root can be written"
(inside "$entrypoint" score --offline --quiet --text "I loved every minute")
(inside "$entrypoint" $(of_image Cmd)) >"$work/served" 2>"$work/messages" &
server=$!
url=http://127.0.0.1:8080
try_server "$url" "$server" -H "Authorization: Bearer $key" || { cat "$work/messages" && exit 1; }
code=$(curl -s -o /dev/null -w '%{http_code}' "$url/v1/score" -F "text=I loved every minute")
[ "$code" = 401 ] || wrong "without the key, a client gets $code"
check=$(of_image Healthcheck.Test | sed 1,3d) # after CMD, bash and -c
(inside bash -c "$check") || wrong "the health check fails"
kill -TERM "$server"
wait "$server" || wrong "after SIGTERM the server exits with $?"
server=
! (inside bash -c "$check") 2>/dev/null || wrong "the health check succeeds without a server"
echo "the image works"
