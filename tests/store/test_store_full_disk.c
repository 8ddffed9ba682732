/* Stores on a disk without a byte left. LMDB maps its lock file: without room for it, a process
 * that only opens a store would die. */
#include "store_fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static const struct valence_store_stream stream = {
    .name = "audio", .width = 4, .type = VALENCE_F32};

/* A small disk at FOLDER/small, in a mount namespace of its own, which ends with this program. */
static void mount_small_disk(void)
{
    mkdir(in_folder("small"), 0700);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("valence", in_folder("small"), "tmpfs", 0, "size=1m") != 0)
        skip();
}

static void fill_disk(void)
{
    static const char page[4096];
    int file = open(in_folder("small/rest"), O_WRONLY | O_CREAT, 0600);
    assert_true(file >= 0);
    while (write(file, page, sizeof page) > 0)
        ;
    close(file);
}

static int make_store(const char *path)
{
    static const float values[8] = {0.5f};
    const struct valence_clip clip = {.id = "one", .split = VALENCE_TRAIN};
    const struct valence_clip_rows rows = {0, 2, values};
    struct valence_store_writer *writer;
    int status = valence_store_writer_open(path, &stream, 1, NULL, &writer, &error);
    if (status)
        return status;
    assert_fine(valence_store_writer_add(writer, &clip, &rows, 1, &error));
    assert_fine(valence_store_writer_finish(writer, &error));
    return valence_store_writer_close(writer, &error);
}

static void test_no_store_is_made_on_a_full_disk(void **state)
{
    (void)state;
    mount_small_disk();
    fill_disk();
    int status = make_store(in_folder("small/store"));
    umount2(in_folder("small"), MNT_DETACH);
    assert_fails(status, VALENCE_ERROR_DISK_FULL, "No space left on device");
}

static void test_a_store_without_its_lock_file_is_read_on_a_full_disk(void **state)
{
    (void)state;
    struct valence_store *store = NULL;
    mount_small_disk();
    assert_fine(make_store(in_folder("small/store")));
    unlink(in_folder("small/store/lock.mdb")); /* as after a copy of the data alone */
    fill_disk();
    int status = valence_store_open(in_folder("small/store"), NULL, &store, &error);
    const int64_t n_clips = store ? valence_store_n_clips(store) : 0;
    valence_store_close(store);
    umount2(in_folder("small"), MNT_DETACH);
    assert_fine(status);
    assert_int_equal(n_clips, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(test_no_store_is_made_on_a_full_disk),
        TEST_IN_FOLDER(test_a_store_without_its_lock_file_is_read_on_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
