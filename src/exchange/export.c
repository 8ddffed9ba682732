#include "exchange/export.h"

#include <assert.h>

#include "base/fail.h"
#include "base/file_writer.h"

#define FORM_NAME(name, word, text) word,
const char *const valence_export_form_names[VALENCE_N_EXPORT_FORMS] = {
    VALENCE_EXPORT_FORM_MAP(FORM_NAME)};
#undef FORM_NAME

enum element_type export_type(const struct valence_store_stream *stream)
{
    return stream->type == VALENCE_F16 ? ELEMENT_F16 : ELEMENT_F32;
}

int valence_export(const struct valence_store *store, const char *target,
                   enum valence_export_form form, bool overwrite,
                   const struct valence_progress *progress, struct valence_export_result *result,
                   struct valence_error *error)
{
    static int (*const writers[VALENCE_N_EXPORT_FORMS])(
        const struct export *, struct valence_error *) = {export_npy, export_safetensors,
                                                          export_mmsa, export_npz};
    assert((unsigned)form < VALENCE_N_EXPORT_FORMS);
    struct export export = {store, target, progress, overwrite ? FILE_OVERWRITE : 0, result};
    *result = (struct valence_export_result){.n_clips = valence_store_n_clips(store)};
    int status = writers[form](&export, error);
    for (int s = 0; s < valence_store_n_streams(store) && !status; s++)
        for (int64_t i = 0; i < result->n_clips && !(result->left_out & 1u << s); i++)
            result->n_rows[s] += valence_store_clip(store, i)->n_rows[s];
    return status;
}
