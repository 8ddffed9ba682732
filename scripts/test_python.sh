#!/bin/sh
# scripts/test_python.sh BUILD [PYTEST OPTION...]: the tests of the Python package, on a build tree's libraries. They run in a
# virtual environment of the pinned packages of python/requirements-test.txt, which is made once into the cache of CMake's
# scripts. Exit status 77 where it cannot be made.
set -eu
build=$(realpath "${1:?usage: scripts/test_python.sh BUILD [PYTEST OPTION...]}")
shift
source=$(cd "$(dirname "$0")/.." && pwd)
requirements=$source/python/requirements-test.txt
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
        tail -n 5 "$environment.log"
        echo "[  SKIPPED ] python/pytest" # which scripts/test.sh counts
        exit 77
    }
fi
exec 9>&-

# The package as a wheel has it, with the declarations made from the headers.
package=$build/python/valence
rm -rf "$package"
mkdir -p "$build/python"
cp -R "$source/python/valence" "$package"
"$environment/bin/python" "$source/python/generate.py" "$package/_bindings.py"
export PYTHONPATH="$build/python" VALENCE_LIBRARIES="$build" PYTHONDONTWRITEBYTECODE=1 GOMP_SPINCOUNT=10000
cd "$source" # where pytest and mypy find their settings
exec "$environment/bin/python" -m pytest -q "$@"
