/* Reports: pages that people read.
 *
 *     valence_score_report_open("scores.html", scorer, "run", NULL, &report, &error);
 *     valence_score_report_add(report, "clip.mp4", "clip.mp4", score, NULL, &error);
 *     valence_score_report_commit(report, &error);
 *
 * A report of scores is one HTML file with everything in it but the recordings, which it plays from
 * where they are, or carries too. It shows each recording with its scores over time, their
 * intervals, the words and what each of them does to the score, pictures, and what voice and face
 * look like where that was observed. It works without a network: its content security policy
 * forbids every request. Texts are never read as HTML, whatever they hold. */
#ifndef VALENCE_SCORE_REPORT_H
#define VALENCE_SCORE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/media.h"
#include "valence/progress.h"
#include "valence/scorer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Start from valence_score_report_options_default(). The names of members are also the keys of
 * errors. Nothing of it is kept by pointer. */
struct valence_score_report_options {
    size_t size;       /* of this struct, as the caller knows it */
    const char *title; /* NULL (the default): the recording's name, or how many there are */

    /* The language of the texts that the model was trained on, "en": the page warns where another
     * one was recognised. NULL (the default): not known. */
    const char *language;

    bool embed;                 /* carry the recordings' files in the page (false) */
    int64_t max_embedded_bytes; /* of all of them together (64 MiB) */

    int64_t n_pictures; /* small pictures of each recording, 0 ... 48 (12) */
    bool overwrite;     /* replace an existing file (false) */

    /* Limits for reading the pictures; NULL: the defaults. */
    const struct valence_media_options *media;
};

VALENCE_API void valence_score_report_options_default(struct valence_score_report_options *options);

/* Gives the errors that the functions below would give for the report at `path` and the `n`
 * recordings at `media`, without making anything, so that you learn before an hour of work that the
 * page cannot be written. Paths that are no regular files are left out. Errors: those of
 * valence_output_check(); ARGUMENT for options out of range; LIMIT with key "embed" where the files
 * are too large for the page. */
VALENCE_API int valence_score_report_check(const char *path, const char *const *media, int64_t n,
                                           const struct valence_score_report_options *options,
                                           struct valence_error *error);

struct valence_score_report;

/* Begins a report at `path` ("-" is standard output). `scorer` made the scores and must live until
 * the end; `run` is the model's name, as it should appear. *report is NULL on failure. Exactly one
 * of commit and abort must follow a success. Used by one thread. Errors: those of
 * valence_output_open(); ARGUMENT for options out of range; MEMORY. */
VALENCE_API int valence_score_report_open(const char *path, const struct valence_scorer *scorer,
                                          const char *run,
                                          const struct valence_score_report_options *options,
                                          struct valence_score_report **report,
                                          struct valence_error *error);

/* Adds a recording or a text. `media` is the file that the score is of, NULL where there is none;
 * the page plays it from there, relative to the page's own folder. Nothing of `score` is kept.
 * Where its pictures cannot be read, the page says so. Errors: LIMIT with key "embed" where the
 * files are too large for the page; IO; CANCELLED; MEMORY. */
VALENCE_API int valence_score_report_add(struct valence_score_report *report, const char *id,
                                         const char *media,
                                         const struct valence_recording_score *score,
                                         const struct valence_progress *progress,
                                         struct valence_error *error);

/* Adds one that could not be scored, and why. Errors: MEMORY. */
VALENCE_API int valence_score_report_add_failure(struct valence_score_report *report,
                                                 const char *id, const char *why,
                                                 struct valence_error *error);

/* Writes the page, which appears in one step; or leaves everything as it was. Both free the report;
 * abort takes NULL. Errors of commit: IO, DISK_FULL, MEMORY. */
VALENCE_API int valence_score_report_commit(struct valence_score_report *report,
                                            struct valence_error *error);
VALENCE_API void valence_score_report_abort(struct valence_score_report *report);

#ifdef __cplusplus
}
#endif
#endif
