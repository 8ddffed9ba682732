/* How many CPUs the control group of a container pays for. */
#ifndef VALENCE_BASE_CPU_QUOTA_H
#define VALENCE_BASE_CPU_QUOTA_H

/* Whole CPUs, at least 1; 0 if there is no quota. Looks at the process's group and all groups
 * above it, in cgroup v2 (cpu.max) and v1 (cpu.cfs_quota_us). `root` stands before /proc and /sys:
 * "" but in tests. A fraction is rounded down: a thread more than there are CPUs makes all the
 * others wait for it at every barrier while it is throttled.
 *
 * Source: the Linux kernel's documentation, admin-guide/cgroup-v2 and scheduler/sched-bwc. */
int cpu_quota(const char *root);

#endif
