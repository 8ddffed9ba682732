/* A run that was trained on text rows of a language model: the smallest that a scorer opens. */
#ifndef VALENCE_TESTS_TEXT_RUN_H
#define VALENCE_TESTS_TEXT_RUN_H

#include <stdio.h>

#include "valence/encode.h"
#include "valence/store.h"
#include "valence/train.h"

#define TEXT_RUN_CLIPS 12

/* FOLDER/words: transcripts alone. */
static inline int text_run_words(const char *path, struct valence_error *error)
{
    static const char *const texts[] = {"good day", "bad", "fine", "not well"};
    struct valence_store_writer *writer;
    int status = valence_store_writer_open(path, NULL, 0, NULL, &writer, error);
    for (int i = 0; i < TEXT_RUN_CLIPS && !status; i++) {
        char id[16];
        snprintf(id, sizeof id, "clip-%d", i);
        struct valence_clip clip = {.id = id,
                                    .transcript = texts[i % 4],
                                    .split = i % 3 ? VALENCE_TRAIN : VALENCE_VALIDATION,
                                    .label = (float)(i % 5 - 2)};
        status = valence_store_writer_add(writer, &clip, NULL, 0, error);
    }
    if (!status)
        status = valence_store_writer_finish(writer, error);
    return status ? status : valence_store_writer_close(writer, error);
}

static inline int text_run_train(const char *store, const char *run, struct valence_error *error)
{
    static const char *const settings[][2] = {{"flows", "complete"},
                                              {"select", "complete"},
                                              {"streams.audio", ""},
                                              {"streams.video", ""},
                                              {"streams.simulated_text", ""},
                                              {"model.d", "4"},
                                              {"model.o", "2"},
                                              {"epochs", "1"},
                                              {"threads", "1"}};
    struct valence_train_config *config;
    int status = valence_train_config_create(&config, error);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0] && !status; i++)
        status = valence_train_config_set(config, settings[i][0], settings[i][1], error);
    if (!status)
        status = valence_train_config_set(config, "store", store, error);
    if (!status)
        status = valence_train_config_set(config, "output", run, error);
    if (!status)
        status = valence_train(config, NULL, NULL, error);
    valence_train_config_free(config);
    return status;
}

/* Makes FOLDER/text-run with the language model at `llm`. */
static inline int text_run_make(const char *folder, const char *llm, struct valence_error *error)
{
    char words[128], store[128], run[128];
    struct valence_transcript_encoder *encoder;
    struct valence_encode_report *report;
    snprintf(words, sizeof words, "%s/run-words", folder);
    snprintf(store, sizeof store, "%s/run-store", folder);
    snprintf(run, sizeof run, "%s/text-run", folder);
    int status = text_run_words(words, error);
    if (!status)
        status = valence_transcript_encoder_open(llm, NULL, &encoder, error);
    if (!status) {
        status = valence_encode_store_text(encoder, words, store, NULL, &report, error);
        valence_encode_report_free(status ? NULL : report);
        valence_transcript_encoder_close(encoder);
    }
    return status ? status : text_run_train(store, run, error);
}

#endif
