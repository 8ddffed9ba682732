/* The forms that `valence score` gives its results: a table for each recording, JSON, CSV,
 * subtitles. Recordings and texts are written as they come. */
#ifndef VALENCE_CLI_SCORE_OUTPUT_H
#define VALENCE_CLI_SCORE_OUTPUT_H

#include "table.h"
#include "valence/score_report.h"
#include "valence/score_json.h"
#include "valence/scorer.h"

enum score_form {
    SCORE_FORM_TABLE,
    SCORE_FORM_JSON,
    SCORE_FORM_CSV,
    SCORE_FORM_SRT,
    SCORE_FORM_VTT
};

struct score_output {
    enum score_form form;
    const struct valence_scorer *scorer;
    const char *model; /* as it was given */
    double level;
    bool explain, signals;
    bool for_english;                    /* the model was trained on English text */
    struct valence_score_report *report; /* the page beside it, or NULL; the finish takes it over */
    bool stopped;                        /* not everything was scored: no page is written */

    /* While it is written. */
    bool begun;
    char level_text[16];
    int64_t n; /* recordings and texts */
    int64_t n_outside;
    struct valence_score_json *json;
    struct valence_error error; /* the first failure to make the JSON or the page */
    int64_t n_reported;
    struct table table; /* of texts that are given one by one */
    int64_t n_rows;
};

/* One recording, or one text cut into sentences. `file` is what a page can play; NULL: nothing. */
void score_output_recording(struct score_output *output, const char *id, const char *file,
                            const struct valence_recording_score *score);

/* One text of many, a row each; its own id where `id` is NULL. */
void score_output_text(struct score_output *output, const char *id,
                       const struct valence_scored_segment *segment);

/* One that has no score, and why. */
void score_output_failure(struct score_output *output, const char *id, const char *why);

/* A line of live scoring. */
void score_output_line(struct score_output *output, const struct valence_scored_segment *segment);

/* Writes the end, and the page. Gives the first failure to make the JSON or the page. */
int score_output_finish(struct score_output *output, struct valence_error *error);

#endif
