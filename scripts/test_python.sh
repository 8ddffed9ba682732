#!/bin/sh
# scripts/test_python.sh BUILD|WHEEL [PYTEST OPTION...]: the tests of the Python package, on a build tree's libraries or on a wheel.
# They run in a virtual environment of the pinned packages of python/requirements-test.txt. Exit status 77 where it cannot be made.
# PyTorch, 200 MB and more, is not among them: VALENCE_TORCH names a site-packages folder that has it, whose tests run then, too.
set -eu
tested=$(realpath "${1:?usage: scripts/test_python.sh BUILD|WHEEL [PYTEST OPTION...]}")
shift
source=$(cd "$(dirname "$0")/.." && pwd)
python=$("$source/scripts/python_environment.sh" "$source/python/requirements-test.txt") || {
    echo "[  SKIPPED ] python/pytest" # which scripts/test.sh counts
    exit 77
}
case $tested in
*.whl)
    package=$(mktemp -d)
    trap 'rm -rf "$package"' EXIT
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$package" "$tested"
    unset VALENCE_LIBRARIES LD_LIBRARY_PATH
    ;;
*)
    package=$tested/python
    "$source/scripts/python_package.sh" "$python" "$tested"
    export VALENCE_LIBRARIES="$tested"
    ;;
esac
export PYTHONPATH="$package${VALENCE_TORCH:+:$VALENCE_TORCH}"
export PYTHONDONTWRITEBYTECODE=1 GOMP_SPINCOUNT=10000
cd "$source" # where pytest and mypy find their settings
"$python" -m pytest -q -rs "$@"
