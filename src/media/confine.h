/* Giving up rights: what a process that decodes a stranger's file may still do. */
#ifndef VALENCE_MEDIA_CONFINE_H
#define VALENCE_MEDIA_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

/* What the kernel offers to this process. */
bool confine_has_seccomp(void);
bool confine_has_landlock(void);

/* For ever, for the calling process, which has one thread: so much more memory and processor time,
 * no core file, no growing file, no new descriptor; and where the kernel allows, no file of the
 * file system (Landlock), and no system call but those of reading the open file, talking on the
 * open socket, memory, threads and time (seccomp). What is not allowed fails with EPERM. False
 * where a limit, or a protection that the kernel has, could not be set. */
bool confine_process(int64_t more_memory_bytes, double cpu_seconds);

#endif
