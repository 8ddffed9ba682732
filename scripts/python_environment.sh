#!/bin/sh
# scripts/python_environment.sh REQUIREMENTS: prints the Python of a virtual environment with these pinned packages, which is made
# once into the cache of CMake's scripts. Exit status 77 where it cannot be made.
set -eu
requirements=${1:?usage: scripts/python_environment.sh REQUIREMENTS}
key=$({ cat "$requirements" && python3 --version; } | sha256sum | cut -c1-12)
environment=${VALENCE_CACHE:-$HOME/.cache/valence}/python-$key

mkdir -p "$(dirname "$environment")"
exec 9>"$environment.lock"
if command -v flock >/dev/null; then
    flock 9
fi
if [ ! -e "$environment/ready" ]; then
    rm -rf "$environment"
    { python3 -m venv "$environment" &&
        "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$requirements" &&
        touch "$environment/ready"; } >"$environment.log" 2>&1 || {
        tail -n 5 "$environment.log" >&2
        exit 77
    }
fi
echo "$environment/bin/python"
