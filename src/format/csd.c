#include "format/csd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/hdf5.h"

#define MAX_ENTRY_BYTES ((size_t)1 << 30)

struct csd {
    struct hdf5 *file;
    uint64_t path[3]; /* the groups "/", NAME, data: none may lie within itself */
    struct hdf5_group entries;
};

/* ---- Opening ---- */

/* The address of `name`, or of the first link where that is NULL, in the group at `address`. */
static int find(const struct csd *csd, uint64_t address, const char *name, uint64_t *found,
                struct valence_error *error)
{
    struct hdf5_group group;
    int status = hdf5_group_read(csd->file, address, &group, error);
    const struct hdf5_link *link = NULL;
    if (!status)
        link = name ? hdf5_group_find(&group, name) : group.n > 0 ? &group.links[0] : NULL;
    if (!status && !link)
        status = fail(error, VALENCE_ERROR_FORMAT,
                      "%s: it holds no '%s': it is no computational sequence", hdf5_name(csd->file),
                      name ? name : "NAME");
    if (!status)
        *found = link->address;
    hdf5_group_free(&group);
    return status;
}

static int check_no_cycle(const struct csd *csd, uint64_t address, int depth, const char *name,
                          struct valence_error *error)
{
    for (int i = 0; i < depth; i++)
        if (csd->path[i] == address)
            return fail(error, VALENCE_ERROR_FORMAT, "%s: the group '%s' contains itself (a cycle)",
                        hdf5_name(csd->file), name);
    return VALENCE_OK;
}

static int open_groups(struct csd *csd, struct valence_error *error)
{
    csd->path[0] = hdf5_root(csd->file);
    int status = find(csd, csd->path[0], NULL, &csd->path[1], error);
    if (!status)
        status = check_no_cycle(csd, csd->path[1], 1, "/", error);
    if (!status)
        status = find(csd, csd->path[1], "data", &csd->path[2], error);
    if (!status)
        status = check_no_cycle(csd, csd->path[2], 2, "data", error);
    if (!status)
        status = hdf5_group_read(csd->file, csd->path[2], &csd->entries, error);
    for (int64_t i = 0; i < csd->entries.n && !status; i++)
        status = check_no_cycle(csd, csd->entries.links[i].address, 3, csd->entries.links[i].name,
                                error);
    return status;
}

/* Takes over the file. */
static int open_file(struct hdf5 *file, struct csd **opened, struct valence_error *error)
{
    struct csd *csd = calloc(1, sizeof *csd);
    if (!csd) {
        hdf5_close(file);
        return fail_memory(error, sizeof *csd, "a file");
    }
    csd->file = file;
    int status = open_groups(csd, error);
    if (status)
        csd_close(csd);
    else
        *opened = csd;
    return status;
}

int csd_open(const char *path, struct csd **csd, struct valence_error *error)
{
    struct hdf5 *file;
    *csd = NULL;
    int status = hdf5_open(path, &file, error);
    return status ? status : open_file(file, csd, error);
}

int csd_open_memory(const void *data, size_t size, const char *name, struct csd **csd,
                    struct valence_error *error)
{
    struct hdf5 *file;
    *csd = NULL;
    int status = hdf5_open_memory(data, size, name, &file, error);
    return status ? status : open_file(file, csd, error);
}

void csd_close(struct csd *csd)
{
    if (!csd)
        return;
    hdf5_group_free(&csd->entries);
    hdf5_close(csd->file);
    free(csd);
}

int64_t csd_n_entries(const struct csd *csd)
{
    return csd->entries.n;
}

const char *csd_entry(const struct csd *csd, int64_t index)
{
    return csd->entries.links[index].name;
}

/* ---- Rows ---- */

/* A dataset within an entry's group. */
static int read_array(const struct csd *csd, const struct hdf5_group *group, const char *name,
                      struct hdf5_dataset *dataset, struct valence_error *error)
{
    const struct hdf5_link *link = hdf5_group_find(group, name);
    *dataset = (struct hdf5_dataset){0};
    return link ? hdf5_dataset_read(csd->file, link->address, MAX_ENTRY_BYTES, dataset, error)
                : fail(error, VALENCE_ERROR_FORMAT, "%s: it holds no '%s'", hdf5_name(csd->file),
                       name);
}

/* (T, D) and (T, 2); a single row may lack the first dimension. */
static int convert(const struct csd *csd, const struct hdf5_dataset *features,
                   const struct hdf5_dataset *intervals, struct csd_rows *rows,
                   struct valence_error *error)
{
    bool fits = features->n_dims >= 1 && features->n_dims <= 2 && intervals->n_dims >= 1 &&
                intervals->n_dims <= 2 && intervals->shape[intervals->n_dims - 1] == 2;
    rows->n_rows = fits && intervals->n_dims == 2 ? intervals->shape[0] : 1;
    int64_t feature_rows = fits && features->n_dims == 2 ? features->shape[0] : 1;
    if (!fits || feature_rows != rows->n_rows) {
        char a[SHAPE_TEXT_BYTES], b[SHAPE_TEXT_BYTES];
        return fail(error, VALENCE_ERROR_SHAPE,
                    "%s: features %s and intervals %s, not (T, D) and (T, 2)", hdf5_name(csd->file),
                    shape_text(features->shape, features->n_dims, a, sizeof a),
                    shape_text(intervals->shape, intervals->n_dims, b, sizeof b));
    }
    rows->width = features->shape[features->n_dims - 1];
    rows->features = allocate(features->count, sizeof *rows->features);
    rows->intervals = allocate(intervals->count, sizeof *rows->intervals);
    if (!rows->features || !rows->intervals)
        return fail_memory(error, (size_t)features->count * sizeof *rows->features, "features");
    if (features->count > 0)
        elements_to_float(features->type, features->swapped, features->data, features->count,
                          rows->features);
    if (intervals->count > 0)
        elements_to_double(intervals->type, intervals->swapped, intervals->data, intervals->count,
                           rows->intervals);
    for (int64_t i = 0; i < intervals->count; i++)
        if (!isfinite(rows->intervals[i]))
            return fail(error, VALENCE_ERROR_DATA, "%s: row %lld starts or ends at no time",
                        hdf5_name(csd->file), (long long)i / 2);
    return VALENCE_OK;
}

int csd_read(const struct csd *csd, int64_t index, struct csd_rows *rows,
             struct valence_error *error)
{
    struct hdf5_group group;
    struct hdf5_dataset features = {0}, intervals = {0};
    *rows = (struct csd_rows){0};
    int status = hdf5_group_read(csd->file, csd->entries.links[index].address, &group, error);
    if (!status)
        status = read_array(csd, &group, "features", &features, error);
    if (!status)
        status = read_array(csd, &group, "intervals", &intervals, error);
    if (!status)
        status = convert(csd, &features, &intervals, rows, error);
    hdf5_was_read(csd->file, (size_t)features.count * element_type_size(features.type));
    hdf5_dataset_free(&features);
    hdf5_dataset_free(&intervals);
    hdf5_group_free(&group);
    return status ? fail_within(status, error, "entry '%s'", csd->entries.links[index].name)
                  : VALENCE_OK;
}

void csd_rows_free(struct csd_rows *rows)
{
    free(rows->features);
    free(rows->intervals);
    *rows = (struct csd_rows){0};
}

/* ---- Videos ---- */

static int append(struct csd_rows *to, const struct csd_rows *more, struct valence_error *error)
{
    if (to->n_rows == 0)
        to->width = more->width;
    if (more->n_rows == 0)
        return VALENCE_OK;
    if (more->width != to->width)
        return fail(error, VALENCE_ERROR_SHAPE, "features of width %lld after %lld",
                    (long long)more->width, (long long)to->width);
    int64_t n = to->n_rows + more->n_rows;
    float *features = realloc(to->features, (size_t)(n * to->width) * sizeof *features);
    to->features = features ? features : to->features;
    double *intervals = realloc(to->intervals, (size_t)(2 * n) * sizeof *intervals);
    to->intervals = intervals ? intervals : to->intervals;
    if (!features || !intervals)
        return fail_memory(error, (size_t)(n * to->width) * sizeof *features, "features");
    memcpy(features + to->n_rows * to->width, more->features,
           (size_t)(more->n_rows * to->width) * sizeof *features);
    memcpy(intervals + 2 * to->n_rows, more->intervals,
           (size_t)(2 * more->n_rows) * sizeof *intervals);
    to->n_rows = n;
    return VALENCE_OK;
}

struct place {
    double start;
    int64_t row;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* By when they start, stably. */
static int sort_rows(struct csd_rows *rows, struct valence_error *error)
{
    bool sorted = true;
    for (int64_t i = 1; i < rows->n_rows; i++)
        sorted = sorted && rows->intervals[2 * i - 2] <= rows->intervals[2 * i];
    if (sorted)
        return VALENCE_OK;
    struct place *places = allocate(rows->n_rows, sizeof *places);
    float *features = allocate(rows->n_rows * rows->width, sizeof *features);
    double *intervals = allocate(2 * rows->n_rows, sizeof *intervals);
    bool room = places && features && intervals;
    for (int64_t i = 0; i < rows->n_rows && room; i++)
        places[i] = (struct place){rows->intervals[2 * i], i};
    if (room)
        qsort(places, (size_t)rows->n_rows, sizeof *places, compare_places);
    for (int64_t i = 0; i < rows->n_rows && room; i++) {
        int64_t from = places[i].row;
        memcpy(features + i * rows->width, rows->features + from * rows->width,
               (size_t)rows->width * sizeof *features);
        memcpy(intervals + 2 * i, rows->intervals + 2 * from, 2 * sizeof *intervals);
    }
    free(places);
    if (!room) {
        free(features);
        free(intervals);
        return fail_memory(error, (size_t)(rows->n_rows * rows->width) * sizeof *features,
                           "features");
    }
    csd_rows_free(&(struct csd_rows){.features = rows->features, .intervals = rows->intervals});
    rows->features = features;
    rows->intervals = intervals;
    return VALENCE_OK;
}

/* "VIDEO" or "VIDEO[...]". */
static bool belongs_to(const char *entry, const char *video, size_t length)
{
    return strncmp(entry, video, length) == 0 && (entry[length] == '\0' || entry[length] == '[');
}

/* The first entry that is not before `video`; "VIDEO[...]" all come later, others such as "VIDEO1"
 * between them. */
static int64_t first_entry(const struct csd *csd, const char *video)
{
    int64_t low = 0, high = csd->entries.n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (strcmp(csd->entries.links[middle].name, video) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int csd_read_video(const struct csd *csd, const char *video, struct csd_rows *rows,
                   struct valence_error *error)
{
    size_t length = strlen(video);
    int status = VALENCE_OK;
    bool found = false;
    *rows = (struct csd_rows){0};
    for (int64_t i = first_entry(csd, video); i < csd->entries.n && !status; i++) {
        struct csd_rows more;
        const char *entry = csd->entries.links[i].name;
        if (strncmp(entry, video, length) != 0)
            break;
        if (!belongs_to(entry, video, length))
            continue;
        status = csd_read(csd, i, &more, error);
        if (!status)
            status = append(rows, &more, error);
        csd_rows_free(&more);
        found = true;
    }
    if (!status && !found)
        status = fail(error, VALENCE_ERROR_NOT_FOUND, "%s: there is no video '%s'",
                      hdf5_name(csd->file), video);
    return status ? status : sort_rows(rows, error);
}
