/* Computational sequences in a build without libhdf5: none is ever opened. */
#include "base/fail.h"
#include "format/csd.h"

static int refuse(const char *name, struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_UNSUPPORTED,
                "%s: this build does not read HDF5 files (install libhdf5 and build again)", name);
}

int csd_open(const char *path, struct csd **csd, struct valence_error *error)
{
    *csd = NULL;
    return refuse(path, error);
}

int csd_open_memory(const void *data, size_t size, const char *name, struct csd **csd,
                    struct valence_error *error)
{
    (void)data;
    (void)size;
    *csd = NULL;
    return refuse(name, error);
}

void csd_close(struct csd *csd)
{
    (void)csd;
}

int64_t csd_n_entries(const struct csd *csd)
{
    (void)csd;
    return 0;
}

const char *csd_entry(const struct csd *csd, int64_t index)
{
    (void)csd;
    (void)index;
    return "";
}

int csd_read(const struct csd *csd, int64_t index, struct csd_rows *rows,
             struct valence_error *error)
{
    *rows = (struct csd_rows){0};
    return refuse(csd_entry(csd, index), error);
}

int csd_read_video(const struct csd *csd, const char *video, struct csd_rows *rows,
                   struct valence_error *error)
{
    (void)csd;
    *rows = (struct csd_rows){0};
    return refuse(video, error);
}

void csd_rows_free(struct csd_rows *rows)
{
    (void)rows;
}

int csd_read_words(const struct csd *csd, const char *video, struct csd_words *words,
                   struct valence_error *error)
{
    (void)csd;
    *words = (struct csd_words){0};
    return refuse(video, error);
}

void csd_words_free(struct csd_words *words)
{
    (void)words;
}
