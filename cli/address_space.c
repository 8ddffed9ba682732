/* A limit on address space (ulimit -v) under which the command cannot even start.
 *
 * OpenBLAS takes its buffers in a constructor, before main() runs, and asks again for ever where it
 * gets none. So this looks before any library is set up. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)129 << 20) /* of OpenBLAS, for each thread */
#define OTHER_BYTES  ((size_t)32 << 20)

/* The number of threads that OpenBLAS starts with: by what the environment says, or one for each
 * CPU. */
static int n_threads(char **environment)
{
    static const char *const names[] = {
        "OPENBLAS_NUM_THREADS=", "GOTO_NUM_THREADS=", "OMP_NUM_THREADS="};
    cpu_set_t cpus;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (char **entry = environment; *entry; entry++)
            if (strncmp(*entry, names[i], strlen(names[i])) == 0 &&
                atoi(*entry + strlen(names[i])) > 0)
                return atoi(*entry + strlen(names[i]));
    return sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
}

static void check_address_space(int argc, char **argv, char **environment)
{
    struct rlimit limit;
    (void)argc, (void)argv;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    size_t needed = (size_t)n_threads(environment) * BUFFER_BYTES + OTHER_BYTES;
    void *room = mmap(NULL, needed, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room != MAP_FAILED) {
        munmap(room, needed);
        return;
    }
    static const char text[] = "valence: the limit on address space (ulimit -v) leaves no room for "
                               "OpenBLAS's buffers, 129 MiB for each thread: raise it, or set "
                               "OMP_NUM_THREADS=1\n";
    _exit(write(STDERR_FILENO, text, sizeof text - 1) < 0 ? 2 : 1);
}

__attribute__((section(".preinit_array"),
               used)) static void (*const before_everything)(int, char **,
                                                             char **) = check_address_space;
