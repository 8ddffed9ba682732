#!/usr/bin/env bash
# Checks from the #include lines that dependencies point one way, and that the library calls nothing it must not.
#
#   base <- format, kernels, media <- model, models, store <- data, run, encode <- exchange, train, evaluate <- cli
#
# A folder may include itself and what stands on a lower level; the public headers, valence/*.h, everyone. Only src/encode
# knows ggml, llama.cpp and whisper.cpp.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A level=([base]=0 [format]=1 [kernels]=1 [media]=1 [model]=2 [store]=2 [models]=2 [data]=3 [run]=3 [encode]=3
    [exchange]=4 [train]=4 [evaluate]=4 [cli]=5)
problems=0
problem() {
    echo "$*" >&2
    problems=$((problems + 1))
}

while IFS=: read -r file line text; do
    included=$(sed -E 's/^# *include *[<"]([^>"]*)[>"].*/\1/' <<<"$text")
    folder=${file%%/*}
    [ "$folder" = src ] && folder=$(cut -d/ -f2 <<<"$file")
    other=${included%%/*}
    [ "$other" != "$included" ] || other=$folder # a name alone: a neighbour, or the system's
    case $included in
    ggml*.h | llama*.h | gguf.h | whisper.h)
        [ "$folder" = encode ] || problem "$file:$line: only src/encode includes $included"
        ;;
    valence/*) ;;
    *)
        [ "$folder" != include ] || [[ $text == *"<"* ]] ||
            problem "$file:$line: a public header includes $included, which is not installed"
        if [ "$folder" != include ] && [ -n "${level[$other]:-}" ] && [ "$other" != "$folder" ]; then
            [ "${level[$other]}" -lt "${level[$folder]:--1}" ] ||
                problem "$file:$line: $folder may not include $included: $other is not below it"
        fi
        ;;
    esac
done < <(grep -rnE --include='*.[ch]' --include='*.cpp' '^# *include' src cli include)

# The library prints nothing, ends no process and reads no environment (include/valence/error.h); and functions that write
# without knowing how much room there is are not used at all. Comments and texts are not looked at.
quiet='printf|vprintf|puts|putchar|perror|exit|_exit|quick_exit|abort|getenv|secure_getenv|setenv|system|popen'
unsafe='gets|strcat|sprintf|vsprintf|strtok|alloca|rand|srand|tmpnam|mktemp'
while read -r file; do
    pattern="($unsafe)[[:space:]]*\\("
    forbidden=$quiet
    # The child process of a trial ends there, and not the caller's.
    [[ $file == src/encode/verify/trial.c ]] && forbidden=${quiet/|_exit/}
    [[ $file == src/* ]] && pattern="($forbidden|$unsafe)[[:space:]]*\\(|std(out|err)[^A-Za-z0-9_]"
    found=$(cc -fpreprocessed -dD -E -P -x c "$file" 2>/dev/null | sed -E 's/"(\\.|[^"\\])*"//g' |
        grep -oE "(^|[^A-Za-z0-9_.>])($pattern)" | grep -oE '[a-z_]+' | sort -u) || true
    for name in $found; do
        problem "$file: uses $name"
    done
done < <(find src cli -name '*.[ch]' -o -name '*.cpp' | sort)

[ "$problems" -eq 0 ] || { echo "$problems problems with layers or banned functions" >&2; exit 1; }
echo "layers and banned functions: fine"
