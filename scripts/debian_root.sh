# What scripts/check_deb.sh and scripts/check_container.sh share, which read this file: a clean Debian 12, and a server in it.
# shellcheck shell=sh

[ "$(id -u)" -eq 0 ] || { echo "$0: only root can make a Debian system" >&2 && exit 2; }
for tool in debootstrap curl; do
    command -v "$tool" >/dev/null || { echo "$0: install $tool" >&2 && exit 2; }
done

# make_debian FOLDER LOG: unpacks it there. $DEBIAN_MIRROR may name another server.
make_debian() {
    mirror=${DEBIAN_MIRROR:-http://deb.debian.org}
    debootstrap --variant=minbase bookworm "$1" "$mirror/debian" >"$2" 2>&1 ||
        { tail -n 5 "$2" >&2 && echo "$0: debootstrap fails" >&2 && exit 1; }
    cat >"$1/etc/apt/sources.list" <<END
deb $mirror/debian bookworm main
deb $mirror/debian bookworm-updates main
deb $mirror/debian-security bookworm-security main
END
    rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*
}

# give_model FOLDER FETCH...: puts the language model for English text into this cache folder: that of this machine's cache or, if
# there is none, what the command FETCH... fetches.
give_model() {
    folder=$1/models
    shift
    mkdir -p "$folder"
    cp "${VALENCE_CACHE:-$HOME/.cache/valence}/models"/SmolLM2-*.gguf "$folder/" 2>/dev/null || "$@"
    chmod -R a+rX "$folder"
}

# try_server URL PROCESS [CURL OPTION...]: waits until the server is ready, then scores a sentence; every answer must be right.
try_server() {
    url=$1 process=$2
    shift 2
    for _ in $(seq 600); do
        code=$(curl -s -o /dev/null -w '%{http_code}' "$url/health")
        [ "$code" = 200 ] && break
        kill -0 "$process" 2>/dev/null || break
        sleep 0.5
    done
    echo "GET /health: $code"
    [ "$code" = 200 ]
    answer=$(curl -s --fail "$url/v1/score" "$@" -F "text=I loved every minute" -F response_format=csv)
    echo "$answer"
    echo "$answer" | awk -F, 'NR == 2 { good = $2 > 0.5 && $2 <= 3 } END { exit !good }'
}
