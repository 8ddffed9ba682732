#!/bin/sh
# scripts/test_python.sh BUILD [PYTEST OPTION...]: the tests of the Python package, on a build tree's libraries. They run in a
# virtual environment of the pinned packages of python/requirements-test.txt. Exit status 77 where it cannot be made. PyTorch,
# 200 MB and more, is not among them: VALENCE_TORCH names a site-packages folder that has it, whose tests run then, too.
set -eu
build=$(realpath "${1:?usage: scripts/test_python.sh BUILD [PYTEST OPTION...]}")
shift
source=$(cd "$(dirname "$0")/.." && pwd)
python=$("$source/scripts/python_environment.sh" "$source/python/requirements-test.txt") || {
    echo "[  SKIPPED ] python/pytest" # which scripts/test.sh counts
    exit 77
}
"$source/scripts/python_package.sh" "$python" "$build"
export PYTHONPATH="$build/python${VALENCE_TORCH:+:$VALENCE_TORCH}" VALENCE_LIBRARIES="$build"
export PYTHONDONTWRITEBYTECODE=1 GOMP_SPINCOUNT=10000
cd "$source" # where pytest and mypy find their settings
exec "$python" -m pytest -q -rs "$@"
