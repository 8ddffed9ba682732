#!/bin/sh
# scripts/python_package.sh PYTHON BUILD: the package as a wheel has it, in BUILD/python, with the declarations made from the
# headers by this Python.
set -eu
python=${1:?usage: scripts/python_package.sh PYTHON BUILD}
build=${2:?usage: scripts/python_package.sh PYTHON BUILD}
source=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$build/python/valence"
mkdir -p "$build/python"
cp -R "$source/python/valence" "$build/python/valence"
exec "$python" "$source/python/generate.py" "$build/python/valence/_bindings.py"
