#!/usr/bin/env bash
# scripts/test.sh BUILD [CTEST OPTION...]: runs a build's tests, one on each core but no more than four at once (-j N changes
# that). The last line is "N passed, N failed[, N skipped]" and counts the test functions of the cmocka programs and of pytest,
# and every other test as one.
set -uo pipefail

build=${1:?usage: scripts/test.sh BUILD [CTEST OPTION...]}
shift
log=$build/Testing/Temporary/LastTest.log
rm -f "$log"
tests=$(dirname "$(realpath "$0")")/../tests
export LSAN_OPTIONS="suppressions=$tests/leaks.txt:print_suppressions=0"
export TSAN_OPTIONS="suppressions=$tests/threads.txt:print_suppressions=0"
jobs=$(nproc)
[ "$jobs" -le 4 ] || jobs=4 # tests take up to 2 GB each
ctest --test-dir "$build" --output-on-failure --no-tests=error --timeout 1200 --parallel "$jobs" "$@"
code=$?

# A function that started and is neither OK nor skipped has failed, or took its program down with it. A program that fails
# otherwise (a leak, a crash at exit) counts as one failure more.
counts=$(awk '
    / Testing: / { ran = ok = off = 0; split("", skips) }
    /^\[ RUN      \]/ { ran++ }
    /^\[       OK \]/ { ok++ }
    /^\[  SKIPPED \]/ && !/listed below/ && !($NF in skips) { skips[$NF]; off++ }
    /^[0-9]+ (passed|failed|skipped|error)[^=]* in [0-9.]+s/ { # the last line of pytest
        for (i = 1; i < NF; i++) {
            ran += $(i + 1) ~ /^(passed|failed|skipped|error)/ ? $i : 0
            ok += $(i + 1) ~ /^passed/ ? $i : 0
            off += $(i + 1) ~ /^skipped/ ? $i : 0
        }
    }
    /^Test Passed\./ { passed += ran ? ok : 1; skipped += off }
    /^Test Failed\.|^Test Timeout\.|^Exception|^Test Not Run\./ {
        passed += ok; skipped += off
        failed += ran - ok - off > 0 ? ran - ok - off : 1
    }
    END {
        printf "%d passed, %d failed", passed, failed
        if (skipped)
            printf ", %d skipped", skipped
    }' "$log" 2>/dev/null) || counts="0 passed, 1 failed"
if [ $code -ne 0 ] && [[ $counts == *" 0 failed"* ]]; then # not run at all, for one
    counts=${counts/ 0 failed/ 1 failed}
fi
echo "$counts"
exit $code
