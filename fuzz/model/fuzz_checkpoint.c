/* Checkpoints are foreign bytes: any of them is loaded or refused with a reason, and what is loaded can be used. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "model/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    checkpoint_free(&checkpoint);
    return 0;
}
