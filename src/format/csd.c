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
    struct hdf5_names roots; /* the first names the sequence */
    struct hdf5_names entries;
};

/* ---- Opening ---- */

/* Where NAME/data or, with a name, NAME/data/ENTRY/array is. */
static struct hdf5_path path_of(const struct csd *csd, const char *entry, const char *array)
{
    return (struct hdf5_path){entry ? 4 : 2, {csd->roots.names[0], "data", entry, array}};
}

static int list_entries(struct csd *csd, struct valence_error *error)
{
    struct hdf5_path root = {0};
    int status = hdf5_list(csd->file, &root, &csd->roots, error);
    if (!status && csd->roots.n == 0)
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: empty, not a computational sequence",
                      hdf5_name(csd->file));
    if (status)
        return status;
    struct hdf5_path data = path_of(csd, NULL, NULL);
    status = hdf5_list(csd->file, &data, &csd->entries, error);
    return status == VALENCE_ERROR_NOT_FOUND
               ? fail(error, VALENCE_ERROR_FORMAT,
                      "%s: it holds no '%s/data': not a computational sequence",
                      hdf5_name(csd->file), csd->roots.names[0])
               : status;
}

/* Takes over `file`, which opening gave with `status`. */
static int open_file(struct hdf5 *file, int status, struct csd **opened,
                     struct valence_error *error)
{
    struct csd *csd = status ? NULL : calloc(1, sizeof *csd);
    if (!csd) {
        hdf5_close(file);
        return status ? status : fail_memory(error, sizeof *csd, "a file");
    }
    csd->file = file;
    status = list_entries(csd, error);
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
    return open_file(file, status, csd, error);
}

int csd_open_memory(const void *data, size_t size, const char *name, struct csd **csd,
                    struct valence_error *error)
{
    struct hdf5 *file;
    *csd = NULL;
    int status = hdf5_open_memory(data, size, name, &file, error);
    return open_file(file, status, csd, error);
}

void csd_close(struct csd *csd)
{
    if (!csd)
        return;
    hdf5_names_free(&csd->roots);
    hdf5_names_free(&csd->entries);
    hdf5_close(csd->file);
    free(csd);
}

int64_t csd_n_entries(const struct csd *csd)
{
    return csd->entries.n;
}

const char *csd_entry(const struct csd *csd, int64_t index)
{
    return csd->entries.names[index];
}

/* ---- Rows ---- */

static int read_array(const struct csd *csd, const char *entry, const char *name,
                      struct hdf5_dataset *dataset, struct valence_error *error)
{
    struct hdf5_path path = path_of(csd, entry, name);
    int status = hdf5_read(csd->file, &path, MAX_ENTRY_BYTES, dataset, error);
    return status == VALENCE_ERROR_NOT_FOUND
               ? fail(error, VALENCE_ERROR_FORMAT, "%s: it holds no '%s'", hdf5_name(csd->file),
                      name)
               : status;
}

/* (T, 2), or (2) for one row, all of them times. */
static int convert_intervals(const struct csd *csd, const struct hdf5_dataset *array,
                             int64_t *n_rows, double **intervals, struct valence_error *error)
{
    char text[SHAPE_TEXT_BYTES];
    bool fits = !array->is_text && array->n_dims >= 1 && array->n_dims <= 2 &&
                array->shape[array->n_dims - 1] == 2;
    if (!fits)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: intervals %s, not (T, 2)",
                    hdf5_name(csd->file),
                    shape_text(array->shape, array->n_dims, text, sizeof text));
    *n_rows = array->count / 2;
    *intervals = allocate(array->count, sizeof **intervals);
    if (!*intervals)
        return fail_memory(error, (size_t)array->count * sizeof **intervals, "intervals");
    elements_to_double(array->type, false, array->data, array->count, *intervals);
    for (int64_t i = 0; i < array->count; i++)
        if (!isfinite((*intervals)[i]))
            return fail(error, VALENCE_ERROR_DATA, "%s: row %lld starts or ends at no time",
                        hdf5_name(csd->file), (long long)i / 2);
    return VALENCE_OK;
}

/* (T, D) numbers, or (D) for one row. */
static int convert_features(const struct csd *csd, const struct hdf5_dataset *array,
                            struct csd_rows *rows, struct valence_error *error)
{
    char text[SHAPE_TEXT_BYTES];
    if (array->is_text)
        return fail_key(error, VALENCE_ERROR_UNSUPPORTED, "transcript",
                        "%s: it holds words, not features", hdf5_name(csd->file));
    bool fits = array->n_dims >= 1 && array->n_dims <= 2 &&
                (array->n_dims == 2 ? array->shape[0] : 1) == rows->n_rows;
    if (!fits)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: features %s with %lld intervals, not (T, D)",
                    hdf5_name(csd->file),
                    shape_text(array->shape, array->n_dims, text, sizeof text),
                    (long long)rows->n_rows);
    rows->width = array->shape[array->n_dims - 1];
    rows->features = allocate(array->count, sizeof *rows->features);
    if (!rows->features)
        return fail_memory(error, (size_t)array->count * sizeof *rows->features, "features");
    elements_to_float(array->type, false, array->data, array->count, rows->features);
    for (int64_t i = 0; i < array->count && array->type == ELEMENT_F64; i++) {
        const double *values = array->data;
        if (isinf(rows->features[i]) && !isinf(values[i]))
            return fail(error, VALENCE_ERROR_DATA,
                        "%s: row %lld has %g, which is beyond 32-bit floats (largest: 3.4e38)",
                        hdf5_name(csd->file), (long long)(i / rows->width), values[i]);
    }
    return VALENCE_OK;
}

int csd_read(const struct csd *csd, int64_t index, struct csd_rows *rows,
             struct valence_error *error)
{
    const char *entry = csd->entries.names[index];
    struct hdf5_dataset features = {0}, intervals = {0};
    *rows = (struct csd_rows){0};
    int status = read_array(csd, entry, "features", &features, error);
    if (!status)
        status = read_array(csd, entry, "intervals", &intervals, error);
    if (!status)
        status = convert_intervals(csd, &intervals, &rows->n_rows, &rows->intervals, error);
    if (!status)
        status = convert_features(csd, &features, rows, error);
    hdf5_dataset_free(&features);
    hdf5_dataset_free(&intervals);
    return status ? fail_in_file(status, error, hdf5_name(csd->file), "entry '%s'", entry)
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
        if (strcmp(csd->entries.names[middle], video) < 0)
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
        const char *entry = csd->entries.names[i];
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
        status =
            fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no video '%s'", hdf5_name(csd->file), video);
    return status ? status : sort_rows(rows, error);
}

/* ---- Words ---- */

/* Adds an entry's texts to the video's. */
static int append_words(const struct csd *csd, const char *entry, struct csd_words *words,
                        int64_t *capacity, struct valence_error *error)
{
    struct hdf5_dataset texts = {0}, times = {0};
    double *intervals = NULL;
    int64_t n = 0;
    int status = read_array(csd, entry, "features", &texts, error);
    if (!status)
        status = read_array(csd, entry, "intervals", &times, error);
    if (!status)
        status = convert_intervals(csd, &times, &n, &intervals, error);
    if (!status && (!texts.is_text || texts.count != n))
        status = fail(error, VALENCE_ERROR_SHAPE, "%s: not a word for each interval",
                      hdf5_name(csd->file));
    void *grown = words->words;
    if (!status)
        status = grow_array(&grown, capacity, words->n + n, sizeof *words->words, INT64_MAX,
                            "words", error);
    words->words = grown;
    for (int64_t i = 0; i < n && !status; i++) {
        words->words[words->n++] =
            (struct csd_word){intervals[2 * i], intervals[2 * i + 1], texts.texts[i]};
        texts.texts[i] = NULL;
    }
    free(intervals);
    hdf5_dataset_free(&texts);
    hdf5_dataset_free(&times);
    return status ? fail_in_file(status, error, hdf5_name(csd->file), "entry '%s'", entry)
                  : VALENCE_OK;
}

static int compare_words(const void *a, const void *b)
{
    const struct csd_word *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

int csd_read_words(const struct csd *csd, const char *video, struct csd_words *words,
                   struct valence_error *error)
{
    size_t length = strlen(video);
    int64_t capacity = 0;
    int status = VALENCE_OK;
    bool found = false;
    *words = (struct csd_words){0};
    for (int64_t i = first_entry(csd, video); i < csd->entries.n && !status; i++) {
        if (strncmp(csd->entries.names[i], video, length) != 0)
            break;
        if (!belongs_to(csd->entries.names[i], video, length))
            continue;
        status = append_words(csd, csd->entries.names[i], words, &capacity, error);
        found = true;
    }
    if (!status && !found)
        status =
            fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no video '%s'", hdf5_name(csd->file), video);
    if (!status && words->n > 1)
        qsort(words->words, (size_t)words->n, sizeof *words->words, compare_words);
    return status;
}

void csd_words_free(struct csd_words *words)
{
    for (int64_t i = 0; i < words->n; i++)
        free(words->words[i].text);
    free(words->words);
    *words = (struct csd_words){0};
}
