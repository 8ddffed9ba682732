/* LMDB's own reader and ours say the same of many random files. */
#include "store_fixture.h"

#include <fcntl.h>
#include <lmdb.h>

#include "base/random.h"
#include "store/lmdb_tree.h"

enum { N_FILES = 60, N_DATABASES = 4, MAX_VALUE = 20000 };

static void must(int code)
{
    if (code)
        fail_msg("LMDB: %s", mdb_strerror(code));
}

/* Puts, replaces and deletes entries, in some commits, so that pages are split, joined and freed.
 */
static void make_file(struct random_source *source)
{
    static unsigned char value[MAX_VALUE];
    MDB_env *env;
    must(mdb_env_create(&env));
    must(mdb_env_set_maxdbs(env, N_DATABASES));
    must(mdb_env_set_mapsize(env, (size_t)256 << 20));
    must(mdb_env_open(env, folder, MDB_NOSYNC, 0600));
    int64_t n_commits = random_below(source, 6), most = 1 + random_below(source, 400);
    for (int64_t commit = 0; commit < n_commits; commit++) {
        MDB_txn *txn;
        must(mdb_txn_begin(env, NULL, 0, &txn));
        for (int64_t i = random_below(source, most); i > 0; i--) {
            char name[16], key[64];
            MDB_dbi database;
            snprintf(name, sizeof name, "database-%d", (int)random_below(source, N_DATABASES));
            must(mdb_dbi_open(txn, name, MDB_CREATE, &database));
            int length = snprintf(key, sizeof key, "%0*d", 1 + (int)random_below(source, 40),
                                  (int)random_below(source, 300));
            MDB_val k = {(size_t)length, key};
            size_t size = (size_t)random_below(source, random_below(source, 4) ? 200 : MAX_VALUE);
            for (size_t j = 0; j < size; j++)
                value[j] = (unsigned char)(j * 31 + (size_t)i);
            MDB_val v = {size, value};
            if (random_below(source, 5) == 0) {
                int code = mdb_del(txn, database, &k, NULL);
                must(code == MDB_NOTFOUND ? 0 : code);
            } else {
                must(mdb_put(txn, database, &k, &v, 0));
            }
        }
        if (random_below(source, 6))
            must(mdb_txn_commit(txn));
        else
            mdb_txn_abort(txn);
    }
    mdb_env_close(env);
}

struct comparison {
    const struct lmdb_file *file;
    MDB_cursor *cursor;
    int64_t n;
};

static int compare_entry(void *user, const struct lmdb_entry *entry, struct valence_error *failure)
{
    static unsigned char bytes[MAX_VALUE];
    struct comparison *comparison = user;
    MDB_val key, value;
    must(mdb_cursor_get(comparison->cursor, &key, &value, MDB_NEXT));
    assert_int_equal(entry->key_size, key.mv_size);
    assert_memory_equal(entry->key, key.mv_data, key.mv_size);
    assert_int_equal(entry->size, value.mv_size);
    assert_fine(lmdb_read(comparison->file, entry->offset, bytes, entry->size, failure));
    assert_memory_equal(bytes, value.mv_data, value.mv_size);
    if (entry->bytes)
        assert_memory_equal(entry->bytes, value.mv_data, value.mv_size);
    comparison->n++;
    return VALENCE_OK;
}

/* ---- Both at once ---- */

struct databases {
    struct lmdb_file *file;
    MDB_txn *txn;
    int n;
    struct lmdb_tree trees[N_DATABASES];
    char names[N_DATABASES][16];
};

static int add_database(void *user, const struct lmdb_entry *entry, struct valence_error *failure)
{
    struct databases *databases = user;
    assert_in_range(databases->n, 0, N_DATABASES - 1);
    memcpy(databases->names[databases->n], entry->key, entry->key_size);
    return lmdb_tree_decode(databases->file, entry, &databases->trees[databases->n++], failure);
}

static int64_t compare_file(void)
{
    MDB_env *env;
    MDB_txn *txn;
    struct lmdb_file file;
    int descriptor = open(in_folder("data.mdb"), O_RDONLY);
    must(mdb_env_create(&env));
    must(mdb_env_set_maxdbs(env, N_DATABASES));
    must(mdb_env_open(env, folder, MDB_RDONLY, 0600));
    must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
    assert_fine(lmdb_file_open(&file, descriptor, "data.mdb", mdb_txn_id(txn), &error));
    struct databases databases = {.file = &file, .txn = txn};
    assert_fine(lmdb_walk(&file, &file.main, add_database, &databases, &error));
    int64_t n = 0;
    for (int i = 0; i < databases.n; i++) {
        MDB_dbi database;
        MDB_val key, value;
        struct comparison comparison = {.file = &file};
        must(mdb_dbi_open(txn, databases.names[i], 0, &database));
        must(mdb_cursor_open(txn, database, &comparison.cursor));
        assert_fine(lmdb_walk(&file, &databases.trees[i], compare_entry, &comparison, &error));
        assert_int_equal(mdb_cursor_get(comparison.cursor, &key, &value, MDB_NEXT), MDB_NOTFOUND);
        mdb_cursor_close(comparison.cursor);
        n += comparison.n;
    }
    assert_fine(lmdb_check_free_list(&file, &error));
    lmdb_file_close(&file);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    close(descriptor);
    return n;
}

static void test_both_readers_say_the_same(void **state)
{
    (void)state;
    int64_t n = 0;
    for (uint64_t i = 0; i < N_FILES; i++) {
        struct random_source source = random_source(i, 11);
        make_file(&source);
        n += compare_file();
        assert_int_equal(unlink(in_folder("data.mdb")), 0);
        unlink(in_folder("lock.mdb"));
    }
    assert_true(n > 10 * N_FILES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_IN_FOLDER(test_both_readers_say_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
