/* A scorer of text, and results made by hand, for tests of what is written from them. */
#ifndef VALENCE_TESTS_SCORED_H
#define VALENCE_TESTS_SCORED_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text_run.h"
#include "valence/scorer.h"

static char scored_folder[40];

static inline int scored_set_up(void **state)
{
    struct valence_error error;
    (void)state;
    strcpy(scored_folder, "/tmp/valence-scored-XXXXXX");
    if (!mkdtemp(scored_folder))
        return -1;
    int status =
        text_run_make(scored_folder, VALENCE_TEST_DATA "/golden/llm/tiny-llama-f32.gguf", &error);
    if (status)
        fprintf(stderr, "%s\n", error.text);
    return status;
}

static inline int scored_tear_down(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", scored_folder);
    return system(command);
}

static inline struct valence_scorer *scored_open_scorer(void)
{
    char run[64];
    struct valence_scorer *scorer;
    struct valence_error error;
    snprintf(run, sizeof run, "%s/text-run", scored_folder);
    if (valence_scorer_open(run, NULL, &scorer, &error))
        fail_msg("%s", error.text);
    return scorer;
}

/* A recording of one segment of a second, in which `text` is said as one word. It lives until the
 * next call. */
static inline struct valence_recording_score *scored_recording(const char *text)
{
    static struct valence_word word;
    static struct valence_scored_segment segment;
    static struct valence_recording_score score;
    word = (struct valence_word){.text = text, .end = 1, .confidence = NAN};
    segment = (struct valence_scored_segment){.end = 1,
                                              .score = 0.5,
                                              .raw_score = 0.5,
                                              .estimate = {.error = NAN, .low = -1, .high = 2},
                                              .reason = "",
                                              .words_from = VALENCE_WORDS_GIVEN,
                                              .text = text,
                                              .n_words = 1,
                                              .words = &word,
                                              .confidence = NAN};
    score = (struct valence_recording_score){.score = 0.5,
                                             .lowest = 0.5,
                                             .highest = 0.5,
                                             .n_segments = 1,
                                             .segments = &segment,
                                             .seconds = 1,
                                             .language = "",
                                             .warning = ""};
    return &score;
}

#endif
