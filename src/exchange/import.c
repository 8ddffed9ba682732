/* Kinds, options and results of valence_import(). */
#include "exchange/import.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "valence/summary.h"
#include "base/memory.h"
#include "base/options.h"
#include "data/value_map.h"

/* ---- Kinds and reasons ---- */

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof(array)[0]))

#define KIND_NAME(name, word, text) word,
#define KIND_TEXT(name, word, text) text,
static const char *const kind_names[] = {VALENCE_IMPORT_KIND_MAP(KIND_NAME)};
static const char *const kind_texts[] = {VALENCE_IMPORT_KIND_MAP(KIND_TEXT)};

static import_function *const importers[] = {
    [VALENCE_IMPORT_TABLE] = import_table,       [VALENCE_IMPORT_DENSE] = import_dense,
    [VALENCE_IMPORT_MERBENCH] = import_merbench, [VALENCE_IMPORT_MMSA] = import_mmsa,
    [VALENCE_IMPORT_CSD] = import_csd,
};
_Static_assert(sizeof importers / sizeof *importers == sizeof kind_names / sizeof *kind_names,
               "every kind has an importer");

#define SKIP_NAME(name, word, text) word,
#define SKIP_TEXT(name, word, text) text,
static const char *const skip_names[] = {VALENCE_SKIP_MAP(SKIP_NAME)};
static const char *const skip_texts[] = {VALENCE_SKIP_MAP(SKIP_TEXT)};
_Static_assert(sizeof skip_names / sizeof *skip_names <= VALENCE_MAX_SKIPS,
               "results have room for every reason");

static const char *item(const char *const *list, int n, int index)
{
    return index >= 0 && index < n ? list[index] : NULL;
}

int valence_n_import_kinds(void)
{
    return COUNT_OF(kind_names);
}

const char *valence_import_kind_name(int kind)
{
    return item(kind_names, COUNT_OF(kind_names), kind);
}

const char *valence_import_kind_text(int kind)
{
    return item(kind_texts, COUNT_OF(kind_texts), kind);
}

int valence_n_skips(void)
{
    return COUNT_OF(skip_names);
}

const char *valence_skip_name(int reason)
{
    return item(skip_names, COUNT_OF(skip_names), reason);
}

const char *valence_skip_text(int reason)
{
    return item(skip_texts, COUNT_OF(skip_texts), reason);
}

/* ---- Options ---- */

void valence_import_options_default(struct valence_import_options *options)
{
    *options = (struct valence_import_options){
        .size = sizeof *options, .label_minimum = -3, .label_maximum = 3, .feat_scale = 1};
}

static int check_options(const struct valence_import_options *options, struct valence_error *error)
{
    double low = options->label_minimum, high = options->label_maximum;
    struct affine map;
    if (!isfinite(low) || !isfinite(high) || low > high)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "label_range",
                        "a label range from %g to %g is not one of finite numbers in their order",
                        low, high);
    if (options->feat_scale < 1)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "feat_scale",
                        "a feat_scale of %lld is not at least 1", (long long)options->feat_scale);
    if (!(options->validation_fraction >= 0 && options->validation_fraction < 1))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "validation_fraction",
                        "a validation fraction of %g is not at least 0 and below 1",
                        options->validation_fraction);
    if ((unsigned)options->type >= VALENCE_N_DTYPES)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "dtype", "unknown element type %d",
                        (int)options->type);
    if ((unsigned)options->all_in >= VALENCE_N_SPLITS)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "all_in", "unknown split %d",
                        (int)options->all_in);
    if (options->label_classes && (options->label_map || options->label_scale))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "label_classes",
                        "classes have no %s: they are not numbers on a scale",
                        options->label_map ? "label_map" : "label_scale");
    int status = values_check(options->label_values, "label_values", error);
    if (!status)
        status = values_check(options->split_values, "split_values", error);
    if (!status && options->label_map)
        status = affine_parse(options->label_map, &map, error);
    return status;
}

/* ---- Results ---- */

void import_count(struct valence_import_count *count, const char *id)
{
    int64_t n = count->n++;
    if (n >= VALENCE_IMPORT_N_EXAMPLES)
        return;
    size_t length = strlen(id);
    if (length >= VALENCE_IMPORT_EXAMPLE_BYTES) /* no character is cut in two */
        for (length = VALENCE_IMPORT_EXAMPLE_BYTES - 1;
             length > 0 && ((unsigned char)id[length] & 0xC0) == 0x80;)
            length--;
    memcpy(count->examples[n], id, length);
    count->examples[n][length] = '\0';
}

void import_note(struct valence_import_result *result, const char *key, const char *format, ...)
{
    if (result->n_notes == VALENCE_IMPORT_MAX_NOTES)
        return;
    struct valence_import_note *note = &result->notes[result->n_notes++];
    snprintf(note->key, sizeof note->key, "%s", key);
    va_list args;
    va_start(args, format);
    vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
}

/* ---- The call ---- */

/* Into a caller's result, which may be of an older and smaller type. */
static void give_result(struct valence_import_result *given,
                        const struct valence_import_result *result)
{
    if (!given)
        return;
    size_t size = given->size;
    memcpy(given, result, size);
    given->size = size;
}

/* What each kind reads, for someone who gave it something else. */
static const struct {
    const char *name;
    bool is_file; /* and no folder */
} kind_sources[] = {
    [VALENCE_IMPORT_TABLE] = {"a CSV, or a folder with a CSV for each split", false},
    [VALENCE_IMPORT_DENSE] = {"an .npz or .safetensors file, or a folder of .npy files", false},
    [VALENCE_IMPORT_MERBENCH] = {"an .npz of labels, and a folder of .npy files for each stream",
                                 true},
    [VALENCE_IMPORT_MMSA] = {"a pickle (.pkl) or an .npz", true},
    [VALENCE_IMPORT_CSD] = {"a .csd of labels, and one for each stream", true},
};
_Static_assert(sizeof kind_sources / sizeof *kind_sources == sizeof kind_names / sizeof *kind_names,
               "every kind has a source");

static int check_source(enum valence_import_kind kind, const char *path,
                        struct valence_error *error)
{
    return kind_sources[kind].is_file && path_is_folder(path)
               ? fail(error, VALENCE_ERROR_FORMAT, "%s: a folder, not a file", path)
               : VALENCE_OK;
}

/* Adds what was expected to what is wrong with a whole file. An error with a key or a second line
 * has its own advice. */
static void add_expected(enum valence_import_kind kind, const char *path,
                         struct valence_error *error)
{
    size_t used = strlen(error->text), length = strlen(path);
    bool names_line = strncmp(error->text, path, length) == 0 && error->text[length] == ':' &&
                      error->text[length + 1] >= '0' && error->text[length + 1] <= '9';
    if (error->status != VALENCE_ERROR_FORMAT || error->key[0] || strchr(error->text, '\n') ||
        names_line)
        return;
    used += (size_t)snprintf(error->text + used, sizeof error->text - used,
                             "\n         (%s reads %s; other kinds: ", kind_names[kind],
                             kind_sources[kind].name);
    for (int i = 0, n = 0; i < COUNT_OF(kind_names); i++)
        if (i != (int)kind && used < sizeof error->text)
            used += (size_t)snprintf(error->text + used, sizeof error->text - used, "%s%s",
                                     n++ ? ", " : "", kind_names[i]);
    if (used < sizeof error->text)
        snprintf(error->text + used, sizeof error->text - used, ")");
}

int valence_import(enum valence_import_kind kind, const char *source_path, const char *store_path,
                   const struct valence_import_options *given,
                   const struct valence_progress *progress,
                   struct valence_import_result *given_result, struct valence_error *error)
{
    struct valence_import_options options;
    struct valence_import_result result = {.size = sizeof result};
    struct valence_error own;
    error = error ? error : &own; /* reasons are told apart by it */
    valence_import_options_default(&options);
    int status = options_read(&options, sizeof options, given, error);
    if (!status && given_result &&
        (given_result->size < sizeof given_result->size || given_result->size > sizeof result))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "the result struct does not begin with its size, or is of a newer version");
    if (!status && !valence_import_kind_name((int)kind))
        status =
            fail_key(error, VALENCE_ERROR_ARGUMENT, "kind", "unknown kind of import %d", (int)kind);
    if (!status && (!source_path || (!store_path && !options.summary)))
        status = fail(error, VALENCE_ERROR_ARGUMENT, "an import needs a source and a store");
    if (!status)
        status = check_options(&options, error);
    struct valence_data_summary *summary = NULL;
    if (options.summary)
        *options.summary = NULL;
    if (!status && options.summary && !(summary = allocate(1, sizeof *summary)))
        status = fail_memory(error, sizeof *summary, "counts");
    struct import_request request = {source_path, store_path, &options, summary, progress, &result};
    if (!status)
        status = check_source(kind, source_path, error);
    if (!status)
        status = importers[kind](&request, error);
    if (status)
        add_expected(kind, source_path, error);
    give_result(given_result, &result);
    if (status)
        valence_data_summary_free(summary);
    else if (summary)
        *options.summary = summary;
    return status;
}
