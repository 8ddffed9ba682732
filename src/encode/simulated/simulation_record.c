#include "encode/simulated/simulation_record.h"

#include <math.h>

static json_t *describe(const struct valence_encoder *encoder)
{
    const struct valence_encoder_description *description = valence_encoder_describe(encoder);
    return json_pack("{s:s, s:s}", "fingerprint", description->fingerprint, "type",
                     description->type);
}

char *simulation_settings(const struct valence_encoder *wavlm,
                          const struct valence_encoder *projector,
                          const struct valence_encoder *llm, bool mean,
                          const struct valence_simulator_options *options)
{
    json_t *settings = json_pack(
        "{s:s, s:o, s:o, s:o, s:s, s:b, s:s, s:s, s:I, s:I, s:s}", "kind", "simulated-text",
        "wavlm", describe(wavlm), "projector", describe(projector), "llm", describe(llm), "layers",
        valence_encoder_describe(llm)->layers, "mean", mean, "template", options->prompt_template,
        "instruction", options->instruction, "beams", (json_int_t)options->n_beams, "max_tokens",
        (json_int_t)options->max_tokens, "reading", valence_reading_names[options->reading]);
    char *text = settings ? json_dumps(settings, JSON_COMPACT) : NULL;
    json_decref(settings);
    return text;
}

json_t *simulation_to_json(const struct valence_simulation *heard)
{
    json_t *tokens = json_array(), *probabilities = json_array(), *flags = json_array();
    int failed = 0;
    for (int64_t i = 0; i < heard->n_tokens; i++) {
        double probability = exp((double)heard->log_probabilities[i]);
        failed |= json_array_append_new(tokens, json_integer(heard->tokens[i]));
        failed |= json_array_append_new(probabilities, json_real(probability));
    }
    for (int i = 0; i < VALENCE_N_SIMULATION_FLAGS; i++)
        if (heard->flags & 1u << i)
            failed |= json_array_append_new(flags, json_string(valence_simulation_flag_names[i]));
    if (failed) {
        json_decref(tokens);
        json_decref(probabilities);
        json_decref(flags);
        return NULL;
    }
    return json_pack("{s:s, s:f, s:o, s:o, s:I, s:o}", "transcript", heard->text, "score",
                     heard->score, "tokens", tokens, "probabilities", probabilities, "passes",
                     (json_int_t)heard->n_passes, "flags", flags);
}
