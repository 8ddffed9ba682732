#!/bin/sh
# packaging/valence.service: systemd takes it, and it leaves the server little. systemd itself need not run.
. "$TESTS/cli/support.sh"
command -v systemd-analyze >/dev/null || { echo "no systemd-analyze"; exit 77; }
# The program where it is, and without the manual, which is not installed.
sed -e "s|=valence serve|=$VALENCE serve|" -e '/^Documentation=/d' "$TESTS/../packaging/valence.service" >"$work/valence.service"
said="systemd-analyze verify"
systemd-analyze verify "$work/valence.service" >"$work/out" 2>"$work/err" || wrong "systemd does not take the unit"
grep -q "valence.service" "$work/err" && wrong "systemd complains about the unit"
said="systemd-analyze security"
systemd-analyze security --offline=true --threshold=20 "$work/valence.service" >"$work/out" 2>"$work/err" ||
    wrong "the unit's exposure is above 2.0 of 10: $(tail -n 1 "$work/out")"
finish
