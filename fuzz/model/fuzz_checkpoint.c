/* Checkpoints are foreign bytes: any of them is loaded or refused with a reason, and what is loaded
 * can be used. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "model/checkpoint.h"
#include "valence/reliability.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Makes the model and asks it about its scores. */
static void use(struct checkpoint *checkpoint)
{
    static const float scores[] = {-1e30f, -0.5f, 0, 3, 1e30f};
    struct valence_model *model;
    if (checkpoint_to_model(checkpoint, &model, NULL))
        abort();
    for (unsigned missing = 0; missing < VALENCE_ALL_MODALITIES; missing++) {
        const struct valence_reliability *reliability = valence_model_reliability(model, missing);
        for (int i = 0; i < 5 && reliability; i++) {
            struct valence_estimate e = valence_reliability_estimate(reliability, scores[i], 0.9);
            if (!(e.error >= 0 && e.low <= e.high))
                abort();
        }
    }
    valence_model_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint checkpoint;
    struct valence_error error = {0};
    if (checkpoint_load_memory(data, size, "fuzz.safetensors", &checkpoint, &error)) {
        if (!error.text[0] || checkpoint.parameters || checkpoint.provenance)
            abort();
        return 0;
    }
    for (int64_t i = 0; i < checkpoint.n_parameters; i++)
        if (!isfinite(checkpoint.parameters[i]))
            abort();
    if (valence_model_config_check(&checkpoint.config, &error))
        abort();
    use(&checkpoint);
    return 0;
}
