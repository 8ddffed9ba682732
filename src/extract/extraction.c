#include "extract/extraction.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

const char *extraction_key(const char *key)
{
    static const char *const names[][2] = {{"max_pixels", "media.max_pixels"},
                                           {"max_bytes", "media.max_mib"},
                                           {"accept_damaged", "media.accept_damaged"},
                                           {"audio_stream", "media.audio_stream"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(key, names[i][0]) == 0)
            return names[i][1];
    return key;
}

static void list_streams(struct extraction *e)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int64_t width = valence_extractor_width(e->extractor, (enum valence_stream)s);
        struct valence_store_stream *stream = &e->streams[e->n_streams];
        if (!width)
            continue;
        snprintf(stream->name, sizeof stream->name, "%s", valence_stream_names[s]);
        stream->width = width;
        stream->type = e->config->dtype;
        e->kinds[e->n_streams++] = (enum valence_stream)s;
    }
}

static int open_extractor(struct extraction *e, struct valence_error *error)
{
    int status = extract_config_settings(e->config, &e->plan.found, &e->settings, error);
    const struct valence_extractor_options *chosen = &e->settings.options;
    if (!status && e->plan.problem.status && !chosen->audio && !chosen->video && !chosen->text &&
        !chosen->simulated_text) { /* no file says what there is to make */
        const struct valence_error *problem = &e->plan.problem;
        return fail_key(error, problem->status, extraction_key(problem->key), "%s", problem->text);
    }
    if (!status)
        status = extract_config_models(e->config, e->options, &e->settings, error);
    if (!status)
        status = valence_extractor_open(chosen, &e->extractor, error);
    if (!status)
        status = extract_previews_open(&e->previews, e->options->preview, chosen, error);
    if (!status)
        list_streams(e);
    return status;
}

int extraction_open(struct extraction *e, const struct valence_extract_config *config,
                    const struct valence_extract_options *options, struct valence_error *error)
{
    *e = (struct extraction){.config = config, .options = options};
    if (!*config->output)
        return fail_key(error, VALENCE_ERROR_CONFIG, "output", "the output is missing: a store");
    int status = plan_make(&e->plan, config, options->progress, error);
    return status ? status : open_extractor(e, error);
}

void extraction_close(struct extraction *e)
{
    extract_previews_close(&e->previews);
    valence_extractor_close(e->extractor);
    extract_settings_free(&e->settings);
    plan_free(&e->plan);
}
