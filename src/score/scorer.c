#include "score/scorer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "valence/run.h"

const char *const valence_word_source_names[VALENCE_MAX_NAMES] = {"none", "given", "recognised"};

const char *const valence_score_stage_names[VALENCE_MAX_NAMES] = {"segment", "encode", "predict",
                                                                  "observe"};

/* ---- Options ---- */

void valence_scorer_options_default(struct valence_scorer_options *options)
{
    *options = (struct valence_scorer_options){.size = sizeof *options,
                                               .recognise = true,
                                               .level = 0.9,
                                               .whole_seconds = 15,
                                               .longest_seconds = 30};
}

static int check_options(const struct valence_scorer_options *options, struct valence_error *error)
{
    int status = options_check_level(options->level, error);
    if (status)
        return status;
    if (!(options->window_seconds == 0 ||
          (options->window_seconds >= 0.5 && options->window_seconds <= 3600)))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "window_seconds",
                        "windows of %g seconds are not within 0.5 ... 3600",
                        options->window_seconds);
    if (!(options->whole_seconds >= 0))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "whole_seconds",
                        "a length of %g seconds is negative", options->whole_seconds);
    if (!(options->longest_seconds >= 2 && options->longest_seconds <= 3600))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, "longest_seconds",
                        "utterances of up to %g seconds are not within 2 ... 3600",
                        options->longest_seconds);
    return VALENCE_OK;
}

#define JOURNAL_TEXT 10 /* the place of the journal's folder among the copies */

/* Puts a copy of every text in place of the caller's. */
static int keep_texts(struct valence_scorer *scorer, struct valence_error *error)
{
    struct valence_scorer_options *own = &scorer->options;
    const char **const texts[] = {&own->whisper_model, &own->wavlm_model,   &own->faces_model,
                                  &own->manet_model,   &own->text_model,    &own->folder,
                                  &own->language,      &own->vad,           &own->device,
                                  &own->memory,        &own->journal_folder};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!*texts[i])
            continue;
        scorer->texts[i] = strdup(*texts[i]);
        if (!scorer->texts[i])
            return fail_memory(error, strlen(*texts[i]), "an option");
        *texts[i] = scorer->texts[i];
    }
    return VALENCE_OK;
}

/* ---- Opening ---- */

static int check_explained(const struct valence_scorer *scorer, bool explain,
                           struct valence_error *error)
{
    if (!explain || valence_model_get_config(scorer->model)->n_classes == 0)
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_UNSUPPORTED, "explain",
                    "the model predicts classes, and only scores can be explained");
}

static int load_model(struct valence_scorer *scorer, const char *path, struct valence_error *error)
{
    struct valence_run *run;
    int status = valence_run_open(path, VALENCE_CHECKPOINT_BEST, &run, error);
    if (status)
        return status;
    status = valence_run_load(run, &scorer->model, error);
    valence_run_close(run);
    if (!status)
        status = check_explained(scorer, scorer->options.explain, error);
    return status ? status : valence_workspace_create(scorer->model, &scorer->workspace, error);
}

static int open_scorer(struct valence_scorer *scorer, const char *path,
                       const struct valence_scorer_options *options, struct valence_error *error)
{
    valence_scorer_options_default(&scorer->options);
    valence_media_options_default(&scorer->media);
    int status = options_read(&scorer->options, sizeof scorer->options, options, error);
    if (!status)
        status = options_read(&scorer->media, sizeof scorer->media, scorer->options.media, error);
    if (!status)
        status = check_options(&scorer->options, error);
    if (!status)
        status = keep_texts(scorer, error);
    if (!status)
        status = load_model(scorer, path, error);
    return status ? status : score_plan_make(scorer, error);
}

int valence_scorer_open(const char *path, const struct valence_scorer_options *options,
                        struct valence_scorer **scorer, struct valence_error *error)
{
    *scorer = NULL;
    struct valence_scorer *opened = allocate(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, "a scorer");
    int status = open_scorer(opened, path, options, error);
    if (status)
        valence_scorer_close(opened);
    else
        *scorer = opened;
    return status;
}

void valence_scorer_close(struct valence_scorer *scorer)
{
    if (!scorer)
        return;
    valence_transcript_encoder_close(scorer->text);
    valence_extractor_close(scorer->extractor);
    valence_extractor_close(scorer->observer);
    valence_workspace_free(scorer->workspace);
    valence_model_free(scorer->model);
    score_plan_free(&scorer->plan);
    for (size_t i = 0; i < sizeof scorer->texts / sizeof *scorer->texts; i++)
        free(scorer->texts[i]);
    free(scorer);
}

/* ---- Loading ---- */

static int load_text(struct valence_scorer *scorer, struct valence_error *error)
{
    const struct score_plan *plan = &scorer->plan;
    struct valence_transcript_options options;
    if (!plan->streams[VALENCE_STREAM_TEXT])
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "the model reads no text that valence encodes, and so scores no texts");
    valence_transcript_options_default(&options);
    options.device = plan->options.device;
    options.memory = plan->options.memory;
    return valence_transcript_encoder_open_recorded(plan->options.text_model, plan->recorded_text,
                                                    &options, &scorer->text, error);
}

static int load_extractor(struct valence_scorer *scorer, struct valence_error *error)
{
    int status = valence_extractor_open(&scorer->plan.options, &scorer->extractor, error);
    if (!status)
        status = score_plan_check(scorer, valence_extractor_settings(scorer->extractor), error);
    if (status) {
        valence_extractor_close(scorer->extractor);
        scorer->extractor = NULL;
        return status;
    }
    valence_transcript_encoder_close(scorer->text); /* the extractor has one of its own */
    scorer->text = NULL;
    return VALENCE_OK;
}

/* The encoders of signals: prosody and faces. */
static int load_observer(struct valence_scorer *scorer, struct valence_error *error)
{
    struct valence_extractor_options options;
    valence_extractor_options_default(&options);
    options.audio = VALENCE_BIT(VALENCE_SOUND_PROSODY);
    options.text = VALENCE_TEXT_NONE;
    options.media = &scorer->media;
    int status = score_find_encoder(scorer, scorer->options.faces_model, score_face_models,
                                    "faces_model", "observing faces", &options.faces_model, error);
    return status ? status : valence_extractor_open(&options, &scorer->observer, error);
}

int valence_scorer_load(struct valence_scorer *scorer, enum valence_scorer_source source,
                        struct valence_error *error)
{
    bool is_loaded = source == VALENCE_SCORER_RECORDINGS ? scorer->extractor != NULL
                                                         : score_text_encoder(scorer) != NULL;
    int status = is_loaded ? VALENCE_OK : score_plan_find(scorer, source, error);
    if (!status && !is_loaded)
        status = source == VALENCE_SCORER_RECORDINGS ? load_extractor(scorer, error)
                                                     : load_text(scorer, error);
    if (!status && source == VALENCE_SCORER_RECORDINGS && scorer->options.signals &&
        !scorer->observer)
        status = load_observer(scorer, error);
    return status;
}

/* A copy of the folder, or NULL, in place of the old one. */
static int set_journal(struct valence_scorer *scorer, const char *folder,
                       struct valence_error *error)
{
    char **own = &scorer->texts[JOURNAL_TEXT], *copy = folder ? strdup(folder) : NULL;
    if (folder && !copy)
        return fail_memory(error, strlen(folder), "an option");
    free(*own);
    *own = copy;
    scorer->options.journal_folder = copy;
    return VALENCE_OK;
}

int valence_scorer_adjust(struct valence_scorer *scorer,
                          const struct valence_scorer_options *options, struct valence_error *error)
{
    struct valence_scorer_options wanted = scorer->options;
    int status = options_read(&wanted, sizeof wanted, options, error);
    if (!status)
        status = check_options(&wanted, error);
    if (!status)
        status = check_explained(scorer, wanted.explain, error);
    if (status)
        return status;
    struct valence_scorer_options *own = &scorer->options;
    status = set_journal(scorer, wanted.journal_folder, error);
    if (status)
        return status;
    own->level = wanted.level;
    own->whole_seconds = wanted.whole_seconds;
    own->window_seconds = wanted.window_seconds;
    own->longest_seconds = wanted.longest_seconds;
    own->signals = wanted.signals;
    own->explain = wanted.explain;
    return VALENCE_OK;
}

/* ---- What took time ---- */

double score_end_stage(struct valence_scorer *scorer, enum valence_score_stage stage, double begin)
{
    const double now = seconds_now();
    scorer->stage_seconds[stage] += now - begin;
    return now;
}

double valence_scorer_stage_seconds(const struct valence_scorer *scorer,
                                    enum valence_score_stage stage)
{
    const int s = (int)stage;
    return s >= 0 && s < VALENCE_N_SCORE_STAGES ? scorer->stage_seconds[s] : 0;
}

/* ---- What it is ---- */

struct valence_transcript_encoder *score_text_encoder(const struct valence_scorer *scorer)
{
    return scorer->text        ? scorer->text
           : scorer->extractor ? valence_extractor_text(scorer->extractor)
                               : NULL;
}

struct valence_transcriber *valence_scorer_transcriber(const struct valence_scorer *scorer)
{
    return scorer->extractor ? valence_extractor_transcriber(scorer->extractor) : NULL;
}

const struct valence_model *valence_scorer_model(const struct valence_scorer *scorer)
{
    return scorer->model;
}

unsigned valence_scorer_modalities(const struct valence_scorer *scorer)
{
    return scorer->plan.modalities;
}

const char *valence_scorer_encoder(const struct valence_scorer *scorer,
                                   enum valence_modality modality)
{
    return (unsigned)modality < VALENCE_N_MODALITIES ? scorer->plan.names[modality] : "";
}
