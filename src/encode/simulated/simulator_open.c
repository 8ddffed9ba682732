#include "base/fail.h"
#include "base/options.h"
#include "encode/simulated/simulator.h"

void valence_simulator_models_default(struct valence_simulator_models *models)
{
    *models = (struct valence_simulator_models){.size = sizeof *models};
}

static int load(const struct valence_simulator_models *models, const char *path, const char *layers,
                struct valence_encoder **encoder, struct valence_error *error)
{
    struct valence_encoder_options options;
    valence_encoder_options_default(&options);
    options.device = models->device;
    options.memory = models->memory;
    options.mean = models->mean;
    options.layers = layers;
    return valence_encoder_load(path, &options, encoder, error);
}

int valence_simulator_open(const struct valence_simulator_models *models,
                           const struct valence_simulator_options *options,
                           struct valence_simulator **simulator, struct valence_error *error)
{
    struct valence_simulator_models own;
    struct valence_encoder *encoders[3] = {NULL};
    *simulator = NULL;
    valence_simulator_models_default(&own);
    int status = options_read(&own, sizeof own, models, error);
    if (!status && (!own.wavlm || !own.projector || !own.llm))
        status =
            fail(error, VALENCE_ERROR_ARGUMENT,
                 "simulated text needs the files of a WavLM, a projector and a language model");
    if (!status)
        status = load(&own, own.projector, NULL, &encoders[0], error);
    if (!status)
        status = load(&own, own.wavlm, "final", &encoders[1], error);
    if (!status)
        status = load(&own, own.llm, own.layers, &encoders[2], error);
    if (!status)
        status = valence_simulator_create(encoders[1], encoders[0], encoders[2], options, simulator,
                                          error);
    if (!status)
        simulator_own(*simulator, encoders);
    for (int i = 0; i < 3 && status; i++)
        valence_encoder_free(encoders[i]);
    return status;
}
