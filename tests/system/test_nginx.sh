#!/bin/sh
# packaging/nginx.conf before a server: nginx takes the file, and what clients send comes through it. NGINX names the program; without
# it (Debian: nginx-light), openssl and curl there is nothing to test.
. "$TESTS/cli/support.sh"
nginx=${NGINX:-$(command -v nginx || echo /usr/sbin/nginx)}
[ -x "$nginx" ] && command -v curl >/dev/null && command -v openssl >/dev/null || { echo "no nginx, curl or openssl"; exit 77; }
[ -f "${VALENCE_CACHE:-$HOME/.cache/valence}/models/SmolLM2-135M-Instruct.Q4_1.gguf" ] || { echo "SmolLM2 is not there"; exit 77; }
server='' proxy=''
trap 'kill $server $proxy 2>/dev/null; rm -rf "$work"' EXIT

# await WHAT FILE: until the file says it.
await() {
    for _ in $(seq 600); do
        grep -q "$1" "$2" 2>/dev/null && return
        sleep 0.1
    done
    echo "no '$1' in $2: $(cat "$2")"
    exit 1
}
"$VALENCE" serve --offline --port 0 --threads 1 --no-transcript --metrics >"$work/log" 2>"$work/messages" &
server=$!
await ready "$work/messages"
port=$(sed -n 's/^valence serve: http:.*:\([0-9]*\)$/\1/p' "$work/messages")

# The example with a certificate of our own and ports that are free; nothing else is changed.
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
tls=$((20000 + $$ % 10000))
sed -e "s|/etc/letsencrypt/live/valence.example.org/fullchain.pem|$work/cert.pem|" \
    -e "s|/etc/letsencrypt/live/valence.example.org/privkey.pem|$work/key.pem|" \
    -e "s|127.0.0.1:8080|127.0.0.1:$port|" -e "s|listen 443|listen 127.0.0.1:$tls|" -e '/listen \[::\]/d' \
    "$TESTS/../packaging/nginx.conf" >"$work/site.conf"
mkdir "$work/tmp"
cat >"$work/nginx.conf" <<CONF
daemon off;
user $(id -un) $(id -gn); # whose folder this is
pid $work/nginx.pid;
error_log $work/nginx.log info;
events {}
http {
    access_log off;
    client_body_temp_path $work/tmp/body;
    proxy_temp_path $work/tmp/proxy;
    fastcgi_temp_path $work/tmp/fastcgi;
    uwsgi_temp_path $work/tmp/uwsgi;
    scgi_temp_path $work/tmp/scgi;
    include $work/site.conf;
}
CONF
said="nginx -t"
"$nginx" -t -c "$work/nginx.conf" -e "$work/nginx.log" >"$work/out" 2>"$work/err" || wrong "nginx does not take the example: $(cat "$work/err")"
"$nginx" -c "$work/nginx.conf" -e "$work/nginx.log" 2>"$work/err" &
proxy=$!
await "start worker process" "$work/nginx.log"

# answers CODE ARGUMENT...: curl gets this code through the proxy.
answers() {
    expected=$1
    shift
    said="curl $*"
    code=$(curl -sk -o "$work/out" -w '%{http_code}' "$@" 2>"$work/err")
    [ "$code" = "$expected" ] || wrong "'$said' gets $code, not $expected: $(cat "$work/out")"
}
url=https://127.0.0.1:$tls
answers 200 "$url/health"
answers 200 "$url/"
answers 200 "$url/v1/score" -H 'Content-Type: application/json' -d '{"text": "I loved every minute"}'
json '"I loved every minute"' recordings 0 segments 0 text
answers 200 "$url/v1/score/stream" -H 'Content-Type: application/json' -d '{"text": "I loved every minute"}'
prints "event: done"
head -c 3000000 /dev/urandom >"$work/noise"
answers 415 "$url/v1/score" -F "file=@$work/noise"
answers 422 "$url/v1/score" -F "text= "
head -c 70000000 /dev/zero >"$work/large"
answers 413 "$url/v1/score" -F "file=@$work/large"
answers 403 "$url/metrics"
finish
