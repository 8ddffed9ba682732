#!/bin/sh
# scripts/wheel_licenses.sh FOLDER FILE...: copies into FOLDER the licence of every library that the given programs and libraries
# are linked with, and that goes into the wheel with them: of the system's packages (Debian), and of what was built beside them.
set -eu
folder=${1:?usage: scripts/wheel_licenses.sh FOLDER FILE...}
shift
mkdir -p "$folder"
ldd "$@" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
    resolved=$(realpath "$library")
    prefix=$(dirname "$(dirname "$resolved")")
    if [ -f "$prefix/LICENSE" ]; then # scripts/fetch_*.sh
        name=$(basename "$prefix")
        cp "$prefix/LICENSE" "$folder/${name%-*}"
        continue
    fi
    package=$({ dpkg -S "$resolved" || dpkg -S "${resolved#/usr}"; } 2>/dev/null | sed -n '1s/:.*//p') || true
    [ -z "$package" ] || [ "$package" = libc6 ] || cp "/usr/share/doc/$package/copyright" "$folder/$package"
done

# What is in files of ours: the charts' script begins with its licences, and Silero's model has whisper.cpp's with another name.
if charts=$("$(dirname "$0")/fetch_echarts.sh"); then
    { sed '/\*\//q' "$charts" && cat /usr/share/common-licenses/Apache-2.0; } >"$folder/echarts"
fi
sed 's/^Copyright (c).*/Copyright (c) 2020-present Silero Team/' "$folder/whisper" >"$folder/silero-vad"
