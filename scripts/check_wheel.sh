#!/bin/sh
# scripts/check_wheel.sh WHEEL: installs a wheel and NumPy into a fresh virtual environment, and runs the README's Python there on a
# clip of a synthetic voice, the command, and a prediction of both. Needs espeak-ng and ffmpeg, and the network or the cache for the
# encoders. Prints the wheel's size and how long its import takes.
set -eu
wheel=$(realpath "${1:?usage: scripts/check_wheel.sh WHEEL}")
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH LD_LIBRARY_PATH VALENCE_LIBRARIES

python3 -m venv "$work/environment"
python=$work/environment/bin/python
"$python" -m pip install --quiet --disable-pip-version-check "$wheel"
cd "$work"
espeak-ng -w voice.wav "I really loved this film. It was wonderful."
ffmpeg -loglevel error -f lavfi -i color=size=160x120:rate=10:duration=3 -i voice.wav -shortest clip.mp4

sed -n '/^## In Python/,/^## /{/^```python/,/^```/p}' "$source/README.md" | grep -v '^```' >readme.py
[ "$(grep -c . readme.py)" -le 12 ] || { echo "check_wheel: the README's Python has more than 12 lines" && exit 1; }
"$python" readme.py

valence=$work/environment/bin/valence
"$valence" synthesize corpus --train 60 --validation 20 --test 20 --quiet >/dev/null
"$valence" train corpus -o run --quiet --set epochs=2 >/dev/null
"$python" -m valence predict run corpus --csv --quiet >predictions.csv
"$python" - <<'END'
import csv
import numpy as np
import valence

with open("predictions.csv") as file:
    said = np.array([row["score"] for row in csv.DictReader(file)], np.float32)
scores = valence.Model("run").predict(valence.Store("corpus")).score
assert len(said) == 100 and (said == scores).all(), "the command and the package differ"
END

# Everything comes from the wheel, or from what every system has.
"$python" - <<'END'
import os
import valence

valence.Model.default()
libraries = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
system = sorted(os.path.basename(path) for path in libraries if path.startswith(("/lib", "/usr/lib")))
allowed = ("ld-linux", "libc.so", "libm.so", "libdl", "libpthread", "librt", "libgcc_s", "libstdc++", "libz.so", "libresolv", "libutil",
           "libbz2", "liblzma", "libffi", "libcrypto", "libssl", "libuuid", "libexpat", "libpython", "libnss", "libatomic")
assert not [name for name in system if not name.startswith(allowed)], system
END
ls -l "$wheel" | awk '{ printf "wheel: %.1f MB\n", $5 / 1e6 }'
"$python" -X importtime -c 'import valence' 2>&1 | awk -F'|' '/ valence$/ { printf "import valence: %.0f ms\n", $2 / 1000 }'
