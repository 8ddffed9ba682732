#include "data/shuffle.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "store/store_shards.h"

/* The chosen clips of each file: those of file `f` are clips[starts[f] ... starts[f + 1] - 1]. */
static void find_starts(const struct valence_store *store, const int64_t *clips, int64_t n,
                        int64_t *starts)
{
    int n_files = store_n_files(store);
    int64_t at = 0;
    for (int f = 0; f < n_files; f++) {
        struct store_file file = store_get_file(store, f);
        while (at < n && clips[at] < file.first_clip)
            at++;
        starts[f] = at;
    }
    starts[n_files] = n;
}

/* Files without a chosen clip take no place in a group. */
static int64_t list_files(const int64_t *starts, int n_files, int64_t *files)
{
    int64_t n = 0;
    for (int f = 0; f < n_files; f++)
        if (starts[f] < starts[f + 1])
            files[n++] = f;
    return n;
}

static void shuffle_groups(const int64_t *clips, const int64_t *starts, const int64_t *files,
                           int64_t n_files, int64_t window, struct random_source *source,
                           int64_t *order)
{
    int64_t n = 0;
    for (int64_t first = 0; first < n_files; first += window) {
        int64_t begin = n;
        for (int64_t i = first; i < n_files && i < first + window; i++) {
            int64_t start = starts[files[i]], n_clips = starts[files[i] + 1] - start;
            memcpy(order + n, clips + start, (size_t)n_clips * sizeof *order);
            n += n_clips;
        }
        random_shuffle(source, order + begin, n - begin);
    }
}

int shuffle_clips(const struct valence_store *store, const int64_t *clips, int64_t n,
                  int64_t window, struct random_source *source, int64_t *order,
                  struct valence_error *error)
{
    int n_files = store_n_files(store);
    if (window < 1 || window >= n_files) {
        memcpy(order, clips, (size_t)n * sizeof *order);
        random_shuffle(source, order, n);
        return VALENCE_OK;
    }
    int64_t *starts = allocate(n_files + 1, sizeof *starts);
    int64_t *files = allocate(n_files, sizeof *files);
    int status = starts && files ? VALENCE_OK
                                 : fail_memory(error, (size_t)n_files * sizeof *files, "shards");
    if (!status) {
        find_starts(store, clips, n, starts);
        int64_t n_used = list_files(starts, n_files, files);
        random_shuffle(source, files, n_used);
        shuffle_groups(clips, starts, files, n_used, window, source, order);
    }
    free(starts);
    free(files);
    return status;
}

uint64_t shuffle_key(const struct valence_store *store, uint64_t key)
{
    for (int f = 0; f < store_n_files(store); f++)
        key = mix_keys(key, (uint64_t)store_get_file(store, f).first_clip);
    return key;
}
