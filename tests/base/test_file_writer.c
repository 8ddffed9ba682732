/* Outputs: what each kind of path becomes, and that no fault leaves half a file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file_writer.h"

static char folder[] = "/tmp/valence-file-writer-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[4][512];
    static int at;
    char *path = paths[at++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int put(const char *path, unsigned flags, const char *text, struct valence_error *error)
{
    struct file_writer writer;
    int status = file_write_begin(&writer, path, flags, error);
    if (status)
        return status;
    fputs(text, writer.stream);
    return file_write_commit(&writer, error);
}

static void assert_holds(const char *path, const char *wanted)
{
    char found[256] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(found, wanted);
}

static int n_entries(void)
{
    int n = 0;
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    while (readdir(entries))
        n++;
    closedir(entries);
    return n - 2; /* . and .. */
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode;
}

static void test_new_file_has_the_modes_of_the_umask(void **state)
{
    (void)state;
    struct valence_error error;
    mode_t before = umask(027);
    assert_int_equal(put(in_folder("a"), 0, "text", &error), 0);
    umask(before);
    assert_holds(in_folder("a"), "text");
    assert_int_equal(mode_of(in_folder("a")) & 0777, 0640);
    assert_int_equal(n_entries(), 1);
}

static void test_existing_file_is_refused_unless_asked(void **state)
{
    (void)state;
    struct valence_error error;
    assert_int_equal(put(in_folder("a"), 0, "old", &error), 0);
    assert_int_equal(chmod(in_folder("a"), 0600), 0);
    assert_int_equal(put(in_folder("a"), 0, "new", &error), VALENCE_ERROR_EXISTS);
    assert_string_equal(error.key, "overwrite");
    assert_int_equal(file_write_check(in_folder("a"), 0, &error), VALENCE_ERROR_EXISTS);
    assert_holds(in_folder("a"), "old");
    assert_int_equal(put(in_folder("a"), FILE_OVERWRITE, "new", &error), 0);
    assert_holds(in_folder("a"), "new");
    assert_int_equal(mode_of(in_folder("a")) & 0777, 0600);
}

static void test_a_file_that_appears_meanwhile_stays(void **state)
{
    (void)state;
    struct valence_error error;
    struct file_writer writer;
    assert_int_equal(file_write_begin(&writer, in_folder("a"), 0, &error), 0);
    fputs("ours", writer.stream);
    FILE *other = fopen(in_folder("a"), "w");
    assert_non_null(other);
    fputs("theirs", other);
    fclose(other);
    assert_int_equal(file_write_commit(&writer, &error), VALENCE_ERROR_EXISTS);
    assert_holds(in_folder("a"), "theirs");
    assert_int_equal(n_entries(), 1);
}

static void test_abort_leaves_the_old_file(void **state)
{
    (void)state;
    struct valence_error error;
    struct file_writer writer;
    assert_int_equal(put(in_folder("a"), 0, "old", &error), 0);
    assert_int_equal(file_write_begin(&writer, in_folder("a"), FILE_OVERWRITE, &error), 0);
    fputs("half of the new", writer.stream);
    file_write_abort(&writer);
    assert_holds(in_folder("a"), "old");
    assert_int_equal(n_entries(), 1);
}

static void test_links_are_followed_and_stay(void **state)
{
    (void)state;
    struct valence_error error;
    assert_int_equal(mkdir(in_folder("far"), 0777), 0);
    assert_int_equal(symlink("far/target", in_folder("link")), 0);
    assert_int_equal(symlink("link", in_folder("second")), 0);
    assert_int_equal(put(in_folder("second"), 0, "first", &error), 0); /* of a link to nothing */
    assert_int_equal(put(in_folder("second"), 0, "refused", &error), VALENCE_ERROR_EXISTS);
    assert_int_equal(put(in_folder("second"), FILE_OVERWRITE, "then", &error), 0);
    assert_true(S_ISLNK(mode_of(in_folder("link"))) && S_ISLNK(mode_of(in_folder("second"))));
    assert_holds(in_folder("far/target"), "then");
    assert_int_equal(symlink("circle", in_folder("circle")), 0);
    assert_int_equal(put(in_folder("circle"), FILE_OVERWRITE, "", &error), VALENCE_ERROR_IO);
}

static void test_pipe_is_written_into(void **state)
{
    (void)state;
    struct valence_error error;
    char found[16] = "";
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    int reader = open(in_folder("pipe"), O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_int_equal(put(in_folder("pipe"), 0, "through", &error), 0);
    assert_int_equal(read(reader, found, sizeof found - 1), 7);
    assert_string_equal(found, "through");
    assert_true(S_ISFIFO(mode_of(in_folder("pipe"))));
    close(reader);
}

static void test_device_stays_a_device(void **state)
{
    (void)state;
    struct valence_error error;
    assert_int_equal(put("/dev/null", 0, "gone", &error), 0);
    assert_true(S_ISCHR(mode_of("/dev/null")));
    assert_int_equal(put("/dev/full", FILE_OVERWRITE, "no room", &error), VALENCE_ERROR_DISK_FULL);
    assert_non_null(strstr(error.text, "No space left on device"));
}

static void test_open_descriptors_are_continued(void **state)
{
    (void)state;
    struct valence_error error;
    char path[64];
    int descriptor = open(in_folder("a"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(write(descriptor, "one ", 4), 4);
    snprintf(path, sizeof path, "/dev/fd/%d", descriptor);
    assert_int_equal(put(path, 0, "two", &error), 0);
    close(descriptor);
    assert_holds(in_folder("a"), "one two");
    assert_true(file_is_standard_output("-"));
    assert_false(file_is_standard_output("./-"));
}

static void test_folder_and_missing_folder_are_told(void **state)
{
    (void)state;
    struct valence_error error;
    assert_int_equal(put(folder, FILE_OVERWRITE, "", &error), VALENCE_ERROR_EXISTS);
    assert_non_null(strstr(error.text, "is a folder"));
    assert_int_equal(put(in_folder("no/a"), 0, "", &error), VALENCE_ERROR_IO);
    assert_int_equal(file_write_check(in_folder("no/a"), 0, &error), VALENCE_ERROR_IO);
    assert_int_equal(put("", 0, "", &error), VALENCE_ERROR_ARGUMENT);
}

/* A write deep inside a large file fails long before the commit; its cause must still be told. */
static void test_a_limit_on_file_sizes_is_told(void **state)
{
    (void)state;
    struct valence_error error;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 4096, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct file_writer writer;
    int status = file_write_begin(&writer, in_folder("a"), 0, &error);
    for (int i = 0; i < 10000 && !status; i++)
        fputs("a line of text\n", writer.stream);
    errno = 0;
    status = status ? status : file_write_commit(&writer, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, VALENCE_ERROR_IO);
    assert_non_null(strstr(error.text, "File too large"));
    assert_int_equal(n_entries(), 0);
}

/* Kills a writer at one place after another; the file is the old or the new one each time. */
static void test_kill_leaves_a_whole_file(void **state)
{
    (void)state;
    struct valence_error error;
    assert_int_equal(put(in_folder("a"), 0, "old", &error), 0);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            for (;;)
                if (put(in_folder("a"), FILE_OVERWRITE, "new", NULL))
                    _exit(1);
        }
        usleep((useconds_t)(200 + 700 * i));
        assert_int_equal(kill(child, SIGKILL), 0);
        int how;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how));
        char found[16] = "";
        FILE *file = fopen(in_folder("a"), "r");
        assert_non_null(file);
        assert_int_equal(fread(found, 1, sizeof found - 1, file), 3);
        fclose(file);
        assert_true(strcmp(found, "old") == 0 || strcmp(found, "new") == 0);
    }
    assert_int_equal(put(in_folder("a"), FILE_OVERWRITE, "last", &error), 0);
    assert_int_equal(n_entries(), 1); /* what the killed ones left is gone */
}

static void make_file(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static pid_t ended_process(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return child;
}

static void test_only_what_nobody_writes_is_a_leftover(void **state)
{
    (void)state;
    struct valence_error error;
    struct file_writer writer;
    char dead[64], other[64], ours[64], living[64];
    snprintf(dead, sizeof dead, "a.tmp-%ld", (long)ended_process());
    snprintf(other, sizeof other, "ab.tmp-%ld", (long)ended_process());
    snprintf(living, sizeof living, "a.tmp-%ld", (long)getppid());
    snprintf(ours, sizeof ours, "a.tmp-%ld", (long)getpid());
    make_file(in_folder(dead));
    make_file(in_folder(other));
    make_file(in_folder(living));
    make_file(in_folder("a.tmp-x"));
    make_file(in_folder(ours)); /* of a process before us that had our number */
    assert_int_equal(file_write_begin(&writer, in_folder("a"), 0, &error), 0);
    assert_int_not_equal(access(in_folder(dead), F_OK), 0);
    assert_int_equal(access(in_folder(other), F_OK), 0);
    assert_int_equal(access(in_folder(living), F_OK), 0);
    assert_int_equal(access(in_folder("a.tmp-x"), F_OK), 0);
    assert_int_equal(put(in_folder("a"), 0, "second", &error), VALENCE_ERROR_BUSY);
    fputs("first", writer.stream);
    assert_int_equal(file_write_commit(&writer, &error), 0);
    assert_holds(in_folder("a"), "first");
    file_remove_leftovers(folder);
    assert_int_not_equal(access(in_folder(other), F_OK), 0);
}

static void test_longest_names_can_be_written(void **state)
{
    (void)state;
    struct valence_error error;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    assert_int_equal(put(in_folder(name), 0, "text", &error), 0);
    assert_holds(in_folder(name), "text");
    assert_int_equal(n_entries(), 1);
}

static void test_folder_appears_whole(void **state)
{
    (void)state;
    struct valence_error error;
    struct folder_writer writer;
    char left[64];
    snprintf(left, sizeof left, "set.tmp-%ld", (long)ended_process());
    assert_int_equal(mkdir(in_folder(left), 0777), 0);
    make_file(in_folder(strcat(left, "/part")));
    assert_int_equal(folder_write_begin(&writer, in_folder("set/"), &error), 0);
    assert_int_equal(n_entries(), 1);
    char inside[600];
    snprintf(inside, sizeof inside, "%s/part", writer.temporary);
    assert_int_equal(put(inside, 0, "text", &error), 0);
    assert_int_equal(folder_write_commit(&writer, &error), 0);
    assert_holds(in_folder("set/part"), "text");
    assert_int_equal(folder_write_begin(&writer, in_folder("set"), &error), VALENCE_ERROR_EXISTS);
    assert_int_equal(n_entries(), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_new_file_has_the_modes_of_the_umask),
        TEST(test_existing_file_is_refused_unless_asked),
        TEST(test_a_file_that_appears_meanwhile_stays),
        TEST(test_abort_leaves_the_old_file),
        TEST(test_links_are_followed_and_stay),
        TEST(test_pipe_is_written_into),
        TEST(test_device_stays_a_device),
        TEST(test_open_descriptors_are_continued),
        TEST(test_folder_and_missing_folder_are_told),
        TEST(test_a_limit_on_file_sizes_is_told),
        TEST(test_kill_leaves_a_whole_file),
        TEST(test_only_what_nobody_writes_is_a_leftover),
        TEST(test_longest_names_can_be_written),
        TEST(test_folder_appears_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
