#!/usr/bin/env bash
# scripts/fetch_axe.sh [FILE]: axe-core, which tests/report/test_browser.py checks pages for accessibility with, from its pinned
# npm package or from FILE, the package's .tgz. Prints the script's path. Used by tests alone, and never installed.
set -euo pipefail
version=4.10.3
sha256=0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292
folder=${VALENCE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/valence}/axe-core-$version

if [ ! -e "$folder/axe.min.js" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    package=${1:-$work/axe-core-$version.tgz}
    [ -n "${1:-}" ] || (cd "$work" && npm pack --loglevel=error --ignore-scripts --no-update-notifier "axe-core@$version" >/dev/null)
    echo "$sha256  $package" | sha256sum --check --quiet - >&2
    tar -xzf "$package" -C "$work" package/axe.min.js
    mkdir -p "$folder"
    mv "$work/package/axe.min.js" "$folder/axe.min.js.$$"
    mv "$folder/axe.min.js.$$" "$folder/axe.min.js"
fi
echo "$folder/axe.min.js"
