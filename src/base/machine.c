/* What the system tells of itself. */
#include "valence/machine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fail.h"
#include "valence/runtime.h"

/* The value of the first line "key : value" of /proc/cpuinfo. */
static void read_cpu(char *name, size_t room)
{
    char line[512];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(name, room, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, "model name", 10) != 0)
            continue;
        colon[strcspn(colon, "\n")] = '\0';
        snprintf(name, room, "%s", colon + 1 + strspn(colon + 1, " "));
        break;
    }
    if (file)
        fclose(file);
}

#if defined(__x86_64__)
#define ADD(feature, name)                                                                         \
    if (__builtin_cpu_supports(feature))                                                           \
    used += (size_t)snprintf(text + used, room - used, "%s%s", used ? " " : "", name)

static void read_instructions(char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    ADD("sse4.2", "SSE4.2");
    ADD("avx", "AVX");
    ADD("avx2", "AVX2");
    ADD("fma", "FMA");
    ADD("avx512f", "AVX512F");
    ADD("avx512vnni", "AVX512-VNNI");
    ADD("avx512bf16", "AVX512-BF16");
}
#elif defined(__aarch64__)
static void read_instructions(char *text, size_t room)
{
    snprintf(text, room, "NEON");
}
#else
static void read_instructions(char *text, size_t room)
{
    (void)room;
    text[0] = '\0';
}
#endif

static void describe(struct valence_machine *machine)
{
    struct utsname system;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (uname(&system) == 0)
        snprintf(machine->system, sizeof machine->system, "%.100s %.100s", system.sysname,
                 system.machine);
    else
        snprintf(machine->system, sizeof machine->system, "unknown");
    read_cpu(machine->cpu, sizeof machine->cpu);
    read_instructions(machine->instructions, sizeof machine->instructions);
#if defined(__clang__)
    snprintf(machine->compiler, sizeof machine->compiler, "%.120s", __VERSION__);
#else
    snprintf(machine->compiler, sizeof machine->compiler, "GCC %.120s", __VERSION__);
#endif
    machine->n_cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    machine->n_cores = valence_default_threads();
    machine->memory = pages > 0 && page > 0 ? (int64_t)pages * page : 0;
    if (getloadavg(&machine->load, 1) != 1)
        machine->load = NAN;
}

int valence_machine_describe(struct valence_machine *machine, struct valence_error *error)
{
    struct valence_machine made = {.size = sizeof made};
    if (!machine || machine->size < sizeof made.size || machine->size > sizeof made)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "the machine's struct is NULL, does not begin with its size, or is of a newer "
                    "version");
    describe(&made);
    made.size = machine->size;
    memcpy(machine, &made, made.size);
    return VALENCE_OK;
}
