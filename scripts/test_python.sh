#!/bin/sh
# scripts/test_python.sh BUILD [PYTEST OPTION...]: the tests of the Python package, on a build tree's libraries. They run in a
# virtual environment of the pinned packages of python/requirements-test.txt. Exit status 77 where it cannot be made.
set -eu
build=$(realpath "${1:?usage: scripts/test_python.sh BUILD [PYTEST OPTION...]}")
shift
source=$(cd "$(dirname "$0")/.." && pwd)
python=$("$source/scripts/python_environment.sh" "$source/python/requirements-test.txt") || {
    echo "[  SKIPPED ] python/pytest" # which scripts/test.sh counts
    exit 77
}

# The package as a wheel has it, with the declarations made from the headers.
package=$build/python/valence
rm -rf "$package"
mkdir -p "$build/python"
cp -R "$source/python/valence" "$package"
"$python" "$source/python/generate.py" "$package/_bindings.py"
export PYTHONPATH="$build/python" VALENCE_LIBRARIES="$build" PYTHONDONTWRITEBYTECODE=1 GOMP_SPINCOUNT=10000
cd "$source" # where pytest and mypy find their settings
exec "$python" -m pytest -q "$@"
