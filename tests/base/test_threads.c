/* How many threads there are: the container's quota from made-up cgroup files, and the threads that
 * the system gives. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/cpu_quota.h"
#include "base/file.h"
#include "base/threads.h"
#include "valence/runtime.h"

static char root[] = "/tmp/valence-cgroup-XXXXXX";

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(root + sizeof root - 7, "XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *path, const char *text)
{
    char full[512], folder[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    snprintf(folder, sizeof folder, "%s", full);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(make_folders(folder, NULL), 0);
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_no_cgroup_is_no_quota(void **state)
{
    (void)state;
    assert_int_equal(cpu_quota(root), 0);
    put("proc/self/cgroup", "0::/\n");
    assert_int_equal(cpu_quota(root), 0);
    put("sys/fs/cgroup/cpu.max", "max 100000\n");
    assert_int_equal(cpu_quota(root), 0);
}

static void test_v2_takes_the_least_of_all_groups_above(void **state)
{
    (void)state;
    put("proc/self/cgroup", "0::/pod/box\n");
    put("sys/fs/cgroup/pod/box/cpu.max", "max 100000\n");
    put("sys/fs/cgroup/pod/cpu.max", "350000 100000\n");
    assert_int_equal(cpu_quota(root), 3);
    put("sys/fs/cgroup/pod/box/cpu.max", "40000 20000\n");
    assert_int_equal(cpu_quota(root), 2);
    put("sys/fs/cgroup/pod/box/cpu.max", "50000 100000\n"); /* half a CPU is one thread */
    assert_int_equal(cpu_quota(root), 1);
}

static void test_v1_reads_quota_and_period(void **state)
{
    (void)state;
    put("proc/self/cgroup", "5:memory:/box\n4:cpu,cpuacct:/box\n3:cpuset:/box\n");
    put("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "400000\n");
    put("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpu_quota(root), 4);
    put("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
    assert_int_equal(cpu_quota(root), 0);
}

/* In a container without a cgroup namespace the path is the host's, and only the root is there. */
static void test_a_path_that_is_not_there_falls_back_to_the_root(void **state)
{
    (void)state;
    put("proc/self/cgroup", "2:cpu:/docker/0123456789abcdef\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
    put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpu_quota(root), 2);
}

static void test_nonsense_is_no_quota(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",      "\n", "abc\n", "100000\n", "-5 100000\n", "1 0\n", "99999999999999999999 1\n",
        "1 1x\n"};
    put("proc/self/cgroup", "::\n0:\nx\n0::/../../../etc\n0::/\n");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        put("sys/fs/cgroup/cpu.max", lines[i]);
        assert_int_equal(cpu_quota(root), 0);
    }
    put("sys/fs/cgroup/cpu.max", "9000000000000 1\n");
    assert_int_equal(cpu_quota(root), 65536);
}

static void test_a_number_of_threads_is_put_back(void **state)
{
    (void)state;
    assert_true(valence_default_threads() >= 1);
    int before = valence_set_threads(1);
    assert_int_equal(valence_threads(), 1);
    assert_int_equal(threads_enter(0), 1);
    assert_int_equal(valence_set_threads(before), 1);
    assert_int_equal(valence_threads(), before);
#ifdef _OPENMP
    int kept = threads_enter(3);
    assert_int_equal(threads_count(), 3);
    threads_leave(kept);
    assert_int_equal(threads_count(), kept);
#endif
}

#ifdef _OPENMP
static void test_as_many_threads_come_as_are_counted(void **state)
{
    (void)state;
    int n = 0;
    valence_set_threads(4);
    omp_set_dynamic(1);
    threads_prepare();
#pragma omp parallel
#pragma omp single
    n = omp_get_num_threads();
    assert_int_equal(n, threads_count());
    omp_set_max_active_levels(0);
    threads_prepare();
    assert_int_equal(threads_count(), 1);
    omp_set_max_active_levels(1);
    valence_set_threads(0);
}
#endif

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_no_cgroup_is_no_quota),
        TEST(test_v2_takes_the_least_of_all_groups_above),
        TEST(test_v1_reads_quota_and_period),
        TEST(test_a_path_that_is_not_there_falls_back_to_the_root),
        TEST(test_nonsense_is_no_quota),
        cmocka_unit_test(test_a_number_of_threads_is_put_back),
#ifdef _OPENMP
        cmocka_unit_test(test_as_many_threads_come_as_are_counted),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
