/* Result files are foreign bytes: any of them is refused with a reason, or has what verifying needs
 * and equals itself. */
#include <stdint.h>
#include <stdlib.h>

#include "experiment/result_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct result_file *file)
{
    const struct valence_evaluate_options *options = &file->options;
    if (options->n_flows < 1 || options->n_flows > VALENCE_MAX_FLOWS ||
        options->flows != file->flows || options->n_resamples < 0 ||
        (unsigned)options->split >= VALENCE_N_SPLITS || options->scale < 0)
        abort();
    for (int f = 0; f < options->n_flows; f++)
        if (options->flows[f] >= VALENCE_ALL_MODALITIES)
            abort();
    for (int i = 0; i < file->n_runs; i++)
        if (!file->runs[i] || !file->store)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result_file file;
    struct valence_error error = {0};
    int status = result_file_parse((const char *)data, size, "fuzz", &file, &error);
    if (status && !error.text[0])
        abort();
    if (!status) {
        struct result_comparison itself = {0}, nothing = {0};
        json_t *empty = json_object();
        check(&file);
        result_file_compare(&itself, file.json, file.json);
        result_file_compare(&nothing, file.json, empty);
        if (itself.n != 0 || nothing.n == 0)
            abort();
        json_decref(empty);
    }
    result_file_free(&file);
    return 0;
}
