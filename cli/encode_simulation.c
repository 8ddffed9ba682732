#include "encode_simulation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "model_cache.h"

static int load(const struct simulation_options *options, const char *name, const char *layers,
                struct valence_encoder **encoder, struct valence_error *error)
{
    struct valence_encoder_options encoding = {.size = sizeof encoding,
                                               .device = options->device,
                                               .layers = layers,
                                               .mean = options->mean};
    char *path;
    int status = model_path(name, options->offline, options->quiet, &path, error);
    if (!status)
        status = valence_encoder_load(path, &encoding, encoder, error);
    free(path);
    return status;
}

int simulation_open(const struct simulation_options *options, struct simulation *simulation,
                    struct valence_error *error)
{
    *simulation = (struct simulation){0};
    int status = load(options, options->projector, NULL, &simulation->projector, error);
    if (!status)
        status = load(options, options->wavlm, "final", &simulation->wavlm, error);
    if (!status)
        status = load(options, options->llm, options->layers, &simulation->llm, error);
    if (!status)
        status = valence_simulator_create(simulation->wavlm, simulation->projector, simulation->llm,
                                          &options->search, &simulation->simulator, error);
    if (status)
        simulation_close(simulation);
    return status;
}

void simulation_close(struct simulation *simulation)
{
    valence_simulator_free(simulation->simulator);
    valence_encoder_free(simulation->llm);
    valence_encoder_free(simulation->projector);
    valence_encoder_free(simulation->wavlm);
    *simulation = (struct simulation){0};
}

/* ---- What is recorded ---- */

static json_t *describe(const struct valence_encoder *encoder)
{
    const struct valence_encoder_description *description = valence_encoder_describe(encoder);
    return json_pack("{s:s, s:s}", "fingerprint", description->fingerprint, "type",
                     description->type);
}

json_t *simulation_settings(const struct simulation_options *options,
                            const struct simulation *simulation)
{
    const struct valence_simulator_options *search = &options->search;
    return json_pack("{s:s, s:o, s:o, s:o, s:s, s:b, s:s, s:s, s:I, s:I, s:s}", "kind",
                     "simulated-text", "wavlm", describe(simulation->wavlm), "projector",
                     describe(simulation->projector), "llm", describe(simulation->llm), "layers",
                     valence_encoder_describe(simulation->llm)->layers, "mean", options->mean,
                     "template", search->prompt_template, "instruction", search->instruction,
                     "beams", (json_int_t)search->n_beams, "max_tokens",
                     (json_int_t)search->max_tokens, "reading",
                     search->reading == VALENCE_READING_WINNER ? "winner" : "reference");
}

json_t *simulation_to_json(const struct valence_simulation *heard)
{
    json_t *tokens = json_array(), *probabilities = json_array(), *flags = json_array();
    for (int64_t i = 0; i < heard->n_tokens; i++) {
        json_array_append_new(tokens, json_integer(heard->tokens[i]));
        json_array_append_new(probabilities, json_real(exp((double)heard->log_probabilities[i])));
    }
    for (int i = 0; i < VALENCE_N_SIMULATION_FLAGS; i++)
        if (heard->flags & 1u << i)
            json_array_append_new(flags, json_string(valence_simulation_flag_names[i]));
    return json_pack("{s:s, s:f, s:o, s:o, s:I, s:o}", "transcript", heard->text, "score",
                     heard->score, "tokens", tokens, "probabilities", probabilities, "passes",
                     (json_int_t)heard->n_passes, "flags", flags);
}
