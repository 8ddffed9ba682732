/* Plans are foreign bytes: any of them is read or refused with a reason, and the runs of one that
 * is read have configurations. */
#include <stdint.h>
#include <stdlib.h>

#include "experiment/plan_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct valence_experiment *experiment;
    struct valence_train_config config;
    struct valence_error error = {0};
    if (plan_parse("fuzz", (const char *)data, size, "plan.json", &experiment, &error)) {
        if (!error.text[0] || experiment)
            abort();
        return 0;
    }
    for (int v = 0; v < experiment->n_variants; v++) {
        char path[PLAN_FILE_BYTES];
        int status = plan_run_config(experiment, v, experiment->config.seed, 0, &config, &error);
        if (status && !error.text[0])
            abort();
        if (!status && (config.epochs < 1 || config.seeds != 1))
            abort();
        if (plan_find_variant(experiment, experiment->variants[v].name) != v ||
            !plan_run_folder(experiment, v, 1, path)[0])
            abort();
    }
    valence_experiment_close(experiment);
    return 0;
}
