#!/usr/bin/env bash
# Runs a command for which the disk of a folder is slow: at most so many megabytes and so many reads a second.
#
#     scripts/slow_disk.sh MB READS FOLDER COMMAND [ARGUMENT...]
#     scripts/slow_disk.sh 60 500 . build/release/bench/bench-reading corpus
#
# Needs root and Linux's control groups, either version (tried with the first). What is in the page cache is not read again. A read
# is counted as the system joins it: some hundred KB where a file is read in sequence.
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,5s/^# \?//p' "$0" >&2; exit 2; }
rate=$(($1 * 1000000)) reads=$2 folder=$3
shift 3
# Limits are those of a whole disk, not of a partition.
device=$(findmnt -no MAJ:MIN --target "$folder" | tr -d ' ')
[ -e "/sys/dev/block/$device" ] || { echo "slow_disk.sh: $folder is not on a disk of its own ($device)" >&2; exit 1; }
disk=/sys/dev/block/$device
[ ! -e "$disk/partition" ] || disk=$disk/..
device=$(cat "$disk/dev")
if [ -d /sys/fs/cgroup/blkio ]; then
    group=$(mktemp -d /sys/fs/cgroup/blkio/slow-XXXXXX)
    echo "$device $rate" >"$group/blkio.throttle.read_bps_device"
    echo "$device $reads" >"$group/blkio.throttle.read_iops_device"
else
    echo +io >/sys/fs/cgroup/cgroup.subtree_control
    group=$(mktemp -d /sys/fs/cgroup/slow-XXXXXX)
    echo "$device rbps=$rate riops=$reads" >"$group/io.max"
fi
trap 'rmdir "$group"' EXIT
code=0
# The subshell enters the group, and its command stays in it.
(echo "$BASHPID" >"$group/cgroup.procs" && exec "$@") || code=$?
exit "$code"
