/* Reports of runs and experiments: one HTML file that shows what came of them.
 *
 *     const char *inputs[] = {"run", "evaluate.json"};
 *     valence_report_create(inputs, 2, NULL, NULL, &report, &error);
 *     valence_report_write_page(report, "report.html", false, &error);
 *     valence_report_free(report);
 *
 * A report is made of what is given and shows what there is data for. An input is
 *
 *   a run's folder, of one seed or of several   learning curves, configuration, provenance; with
 *                                               the store: figures, predictions, clips, data set
 *   an experiment's folder or its result.json   ablation, comparison or sweep
 *   what the commands print with --json         evaluate (also under protocols), predict, compare,
 *                                               ablate, sweep, compare-representations, cost,
 * doctor evaluate's --predictions FILE.csv           predictions
 *
 * docs/report.md describes the report, docs/json/report.schema.json its document. */
#ifndef VALENCE_REPORT_H
#define VALENCE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"
#include "valence/progress.h"
#include "valence/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Start from valence_report_options_default(). The names of members are also the keys of errors.
 * Nothing of it is kept by pointer. */
struct valence_report_options {
    size_t size;       /* of this struct, as the caller knows it */
    const char *title; /* NULL (the default): made from the inputs' names */

    /* The store that the models of runs score. NULL (the default): the one that each was trained
     * on, where it is there and still holds that data; "": none, and the report has what the runs'
     * folders hold. */
    const char *store;
    /* The part that they score, test, and the level of predictions' intervals, 0.9. */
    enum valence_split split;
    double level;
};

VALENCE_API void valence_report_options_default(struct valence_report_options *options);

struct valence_report; /* only read once made: any number of threads may share it */

/* Reads the `n` inputs, and lets the models of runs score the store. `options` and `progress` may
 * be NULL. *report is NULL on failure; free it with valence_report_free(), which takes NULL.
 *
 * A run that is still training gives what it has so far, and the report says so.
 *
 * Errors: NOT_FOUND for an input that does not exist, or is nothing that a report can be made of;
 * FORMAT for one that is damaged, naming the place; those of valence_evaluate() and
 * valence_predict(); ARGUMENT for no inputs or options out of range; LIMIT; CANCELLED; IO;
 * MEMORY. */
VALENCE_API int valence_report_create(const char *const *inputs, int n,
                                      const struct valence_report_options *options,
                                      const struct valence_progress *progress,
                                      struct valence_report **report, struct valence_error *error);
VALENCE_API void valence_report_free(struct valence_report *report);

/* Writes the page, or the document that it is made of as JSON, to `path` ("-" is standard output).
 * It appears in one step. Errors: those of valence_output_open(); IO, DISK_FULL, MEMORY. */
VALENCE_API int valence_report_write_page(const struct valence_report *report, const char *path,
                                          bool overwrite, struct valence_error *error);
VALENCE_API int valence_report_write_json(const struct valence_report *report, const char *path,
                                          bool overwrite, struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
