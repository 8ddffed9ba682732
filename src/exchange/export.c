#include "exchange/export.h"

#include <string.h>

#include "base/fail.h"
#include "base/file_writer.h"
#include "base/options.h"

#define N_KINDS                     ((int)(sizeof names / sizeof *names))
#define KIND_NAME(name, word, text) word,
#define KIND_TEXT(name, word, text) text,
static const char *const names[] = {VALENCE_EXPORT_KIND_MAP(KIND_NAME)};
static const char *const texts[] = {VALENCE_EXPORT_KIND_MAP(KIND_TEXT)};

typedef int export_function(const struct export *export, struct valence_error *error);
static export_function *const writers[] = {
    [VALENCE_EXPORT_NPY] = export_npy,
    [VALENCE_EXPORT_SAFETENSORS] = export_safetensors,
    [VALENCE_EXPORT_MMSA] = export_mmsa,
    [VALENCE_EXPORT_NPZ] = export_npz,
};
_Static_assert(sizeof writers / sizeof *writers == sizeof names / sizeof *names,
               "every kind has a writer");

int valence_n_export_kinds(void)
{
    return N_KINDS;
}

const char *valence_export_kind_name(int kind)
{
    return kind >= 0 && kind < N_KINDS ? names[kind] : NULL;
}

const char *valence_export_kind_text(int kind)
{
    return kind >= 0 && kind < N_KINDS ? texts[kind] : NULL;
}

void valence_export_options_default(struct valence_export_options *options)
{
    *options = (struct valence_export_options){.size = sizeof *options};
}

enum element_type export_type(const struct valence_store_stream *stream)
{
    return stream->type == VALENCE_F16 ? ELEMENT_F16 : ELEMENT_F32;
}

static void count_rows(const struct valence_store *store, struct valence_export_result *result)
{
    result->n_clips = valence_store_n_clips(store);
    for (int s = 0; s < valence_store_n_streams(store); s++)
        for (int64_t i = 0; i < result->n_clips && !(result->left_out & 1u << s); i++)
            result->n_rows[s] += valence_store_clip(store, i)->n_rows[s];
}

int valence_export(enum valence_export_kind kind, const struct valence_store *store,
                   const char *target, const struct valence_export_options *given,
                   const struct valence_progress *progress,
                   struct valence_export_result *given_result, struct valence_error *error)
{
    struct valence_export_options options;
    struct valence_export_result result = {.size = sizeof result};
    valence_export_options_default(&options);
    int status = options_read(&options, sizeof options, given, error);
    if (!status && given_result &&
        (given_result->size < sizeof given_result->size || given_result->size > sizeof result))
        status = fail(error, VALENCE_ERROR_ARGUMENT,
                      "the result struct does not begin with its size, or is of a newer version");
    if (!status && !valence_export_kind_name((int)kind))
        status =
            fail_key(error, VALENCE_ERROR_ARGUMENT, "kind", "unknown kind of export %d", (int)kind);
    if (!status && (!store || !target))
        status = fail(error, VALENCE_ERROR_ARGUMENT, "an export needs a store and a target");
    struct export export = {store, target, progress, options.overwrite ? FILE_OVERWRITE : 0,
                            &result};
    if (!status)
        status = writers[kind](&export, error);
    if (status)
        return status;
    count_rows(store, &result);
    if (given_result) {
        result.size = given_result->size;
        memcpy(given_result, &result, result.size);
    }
    return VALENCE_OK;
}
