#include "media/confine.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>

/* ---- Limits ---- */

static bool limit(int which, rlim_t most)
{
    struct rlimit both;
    if (getrlimit((__rlimit_resource_t)which, &both) != 0)
        return false;
    both.rlim_cur = both.rlim_max = most < both.rlim_max ? most : both.rlim_max;
    return setrlimit((__rlimit_resource_t)which, &both) == 0;
}

/* The address space that the process has now, in bytes; 0: not known. */
static rlim_t address_space(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    bool is_read = fscanf(file, "%llu", &pages) == 1;
    fclose(file);
    return is_read ? (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) : 0;
}

static bool set_limits(int64_t more_memory_bytes, double cpu_seconds)
{
    struct rusage used;
    rlim_t space = address_space();
    if (getrusage(RUSAGE_SELF, &used) != 0 || space == 0)
        return false;
    rlim_t cpu = (rlim_t)used.ru_utime.tv_sec + (rlim_t)used.ru_stime.tv_sec + 1;
    return limit(RLIMIT_AS, space + (rlim_t)more_memory_bytes) &&
           limit(RLIMIT_CPU, cpu + (rlim_t)ceil(cpu_seconds)) && limit(RLIMIT_CORE, 0) &&
           limit(RLIMIT_FSIZE, 0);
}

/* ---- Landlock ---- */

/* The rights that later versions of Landlock handle, for kernels that are newer than the headers:
 * moving between folders (2), truncating (3), device controls (5). */
static uint64_t rights_of(int version)
{
    uint64_t rights = ((uint64_t)LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    rights |= version >= 2 ? (uint64_t)1 << 13 : 0;
    rights |= version >= 3 ? (uint64_t)1 << 14 : 0;
    return rights | (version >= 5 ? (uint64_t)1 << 15 : 0);
}

static int landlock_version(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

bool confine_has_landlock(void)
{
    return landlock_version() >= 1;
}

/* A set of rules that handles everything and has no rule: nothing is allowed. */
static bool close_file_system(void)
{
    const struct landlock_ruleset_attr all = {.handled_access_fs = rights_of(landlock_version())};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    bool is_closed = rules >= 0 && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    if (rules >= 0)
        close(rules);
    return is_closed;
}

/* ---- seccomp ---- */

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define OFFSET(member)    ((uint32_t)offsetof(struct seccomp_data, member))
#define LOAD(member)      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, OFFSET(member))
#define LOAD_ARGUMENT(i)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, OFFSET(args) + 8 * (i))
#define RETURN(what)      BPF_STMT(BPF_RET | BPF_K, what)
#define UNLESS_EQUAL(k)   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 1, 0)
#define IF_EQUAL(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, skip)
#define IF_BIT(k, skip)   BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, k, 0, skip)
#define ALLOW             RETURN(SECCOMP_RET_ALLOW)
#define DENY              RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW_CALL(name)  IF_EQUAL(SYS_##name, 1), ALLOW

/* Little-endian: the low half of an argument comes first. clone3 hides its flags in memory, so it
 * does not exist here, and the C library takes clone. */
static const struct sock_filter filter[] = {
#ifdef OWN_ARCHITECTURE
    LOAD(arch),
    UNLESS_EQUAL(OWN_ARCHITECTURE),
    RETURN(SECCOMP_RET_KILL_PROCESS),
#endif
    LOAD(nr),
    /* the file and the socket */
    ALLOW_CALL(read),
    ALLOW_CALL(pread64),
    ALLOW_CALL(lseek),
    ALLOW_CALL(recvfrom),
    ALLOW_CALL(sendto),
    ALLOW_CALL(close),
    /* memory */
    ALLOW_CALL(brk),
    ALLOW_CALL(munmap),
    ALLOW_CALL(mremap),
    ALLOW_CALL(madvise),
    IF_EQUAL(SYS_mmap, 4),
    LOAD_ARGUMENT(2),
    IF_BIT(PROT_EXEC, 1),
    DENY,
    ALLOW,
    IF_EQUAL(SYS_mprotect, 4),
    LOAD_ARGUMENT(2),
    IF_BIT(PROT_EXEC, 1),
    DENY,
    ALLOW,
    /* threads */
    IF_EQUAL(SYS_clone, 4),
    LOAD_ARGUMENT(0),
    IF_BIT(CLONE_THREAD, 1),
    ALLOW,
    DENY,
    IF_EQUAL(SYS_clone3, 1),
    RETURN(SECCOMP_RET_ERRNO | ENOSYS),
    ALLOW_CALL(futex),
    ALLOW_CALL(set_robust_list),
    ALLOW_CALL(rseq),
    ALLOW_CALL(rt_sigprocmask),
    ALLOW_CALL(rt_sigreturn),
    ALLOW_CALL(sched_yield),
    ALLOW_CALL(sched_getaffinity),
    ALLOW_CALL(sigaltstack), /* of a sanitizer's threads */
    ALLOW_CALL(gettid),
    ALLOW_CALL(getpid),
    ALLOW_CALL(exit),
    ALLOW_CALL(exit_group),
    /* time and chance */
    ALLOW_CALL(clock_gettime),
    ALLOW_CALL(gettimeofday),
    ALLOW_CALL(nanosleep),
    ALLOW_CALL(clock_nanosleep),
    ALLOW_CALL(restart_syscall),
    ALLOW_CALL(getrandom),
    ALLOW_CALL(sysinfo),
    DENY,
};

bool confine_has_seccomp(void)
{
#ifdef OWN_ARCHITECTURE
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
#else
    return false; /* the numbers of its calls are not known */
#endif
}

static bool close_system_calls(void)
{
    const struct sock_fprog program = {sizeof filter / sizeof *filter,
                                       (struct sock_filter *)(uintptr_t)filter};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

/* ---- All of it ---- */

bool confine_process(int64_t more_memory_bytes, double cpu_seconds)
{
    /* In this order: each step needs what the next ones take away. */
    return set_limits(more_memory_bytes, cpu_seconds) &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           (!confine_has_landlock() || close_file_system()) && limit(RLIMIT_NOFILE, 0) &&
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           (!confine_has_seccomp() || close_system_calls());
}
