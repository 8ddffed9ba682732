#include "kernels/processor.h"

#include <pthread.h>
#include <stdatomic.h>

static unsigned found;
static atomic_uint allowed = ~0u;

static void add(enum processor_unit unit, bool is_there)
{
    found |= is_there ? 1u << unit : 0;
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <cpuid.h>

#ifndef VALENCE_WITHOUT_AVX512

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>

/* The system hands out the tiles' registers on request only. */
static bool request_tiles(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#else
static bool request_tiles(void)
{
    return false;
}
#endif

/* Bits of CPUID's leaf 7, for which older compilers have no names. */
static void find_newer_units(void)
{
    enum { VNNI = 1 << 11 };                                             /* ecx */
    enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, AMX_INT8 = 1 << 25 }; /* edx */
    enum { AVX_VNNI = 1 << 4, AVX512_BF16 = 1 << 5 };                    /* eax, subleaf 1 */
    unsigned a, b, c, d, subleaves;
    if (!__get_cpuid_count(7, 0, &subleaves, &b, &c, &d))
        return;
    add(PROCESSOR_AVX512_VNNI, (c & VNNI) && (found & 1u << PROCESSOR_AVX512));
    bool tiles = (d & AMX_TILE) && request_tiles();
    add(PROCESSOR_AMX_BF16, tiles && (d & AMX_BF16));
    add(PROCESSOR_AMX_INT8, tiles && (d & AMX_INT8));
    if (subleaves < 1 || !__get_cpuid_count(7, 1, &a, &b, &c, &d))
        return;
    add(PROCESSOR_AVX_VNNI, (a & AVX_VNNI) && (found & 1u << PROCESSOR_AVX2));
    bool dots = (a & AVX512_BF16) && (found & 1u << PROCESSOR_AVX512);
    add(PROCESSOR_AVX512_BF16, dots);
    /* No bit tells the rate. AMD's processors have the full one, Intel's half of it. */
    add(PROCESSOR_FAST_BF16, dots && __builtin_cpu_is("amd"));
}
#endif

static void find_units(void)
{
    add(PROCESSOR_SSSE3, __builtin_cpu_supports("ssse3"));
    add(PROCESSOR_AVX2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
#ifndef VALENCE_WITHOUT_AVX512
    add(PROCESSOR_AVX512, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                              __builtin_cpu_supports("avx512dq") &&
                              __builtin_cpu_supports("avx512vl"));
    find_newer_units();
#endif
}

#elif defined(__aarch64__) && defined(__linux__)

#include <sys/auxv.h>

static void find_units(void)
{
    enum { DOT_PRODUCTS = 1 << 20 }; /* HWCAP_ASIMDDP */
    add(PROCESSOR_ARM_DOT, getauxval(AT_HWCAP) & DOT_PRODUCTS);
}

#else

static void find_units(void)
{
}

#endif

bool processor_has(enum processor_unit unit)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_units);
    return (found & atomic_load_explicit(&allowed, memory_order_relaxed)) >> unit & 1;
}

void processor_limit(unsigned units)
{
    atomic_store(&allowed, units);
}
