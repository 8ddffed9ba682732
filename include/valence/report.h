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
 *   an experiment's folder or its result.json   ablation, comparison or sweep; of one that is not
 *                                               finished the validation errors of the runs so far
 *   what the commands print with --json         evaluate (also under protocols), predict, compare,
 *                                               ablate, sweep, compare-representations, cost and
 *                                               doctor
 *   evaluate's --predictions FILE.csv           predictions
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
 * A run that is still training, or an experiment that is not finished, gives what it has so far,
 * and the report says so.
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

/* ---- Figures for a paper ---- */

enum valence_figure_format {
    VALENCE_FIGURE_SVG,
    VALENCE_FIGURE_PDF,
    VALENCE_FIGURE_NONE, /* the data alone */
    VALENCE_N_FIGURE_FORMATS
};
/* "svg", "pdf", "none"; NULL for any other number. */
VALENCE_API const char *valence_figure_format_name(int format);

/* Start from valence_figure_options_default(). The names of members are also the keys of errors. */
struct valence_figure_options {
    size_t size;                              /* of this struct, as the caller knows it */
    enum valence_figure_format figure_format; /* VALENCE_FIGURE_SVG */
    double figure_width; /* inches, 1 ... 20 (3.4, a column; a page of two columns has 7) */
    bool overwrite;      /* replace files that are there (false) */
};

VALENCE_API void valence_figure_options_default(struct valence_figure_options *options);

struct valence_figure_result {
    size_t size;                /* of this struct, set by the caller */
    int64_t n_charts, n_tables; /* written */
};

/* Writes each chart of the report to ID.svg or ID.pdf and its data to ID.csv, and each table as
 * LaTeX (booktabs) to ID.tex and as CSV to ID.csv. ID is the anchor of the chart or table in the
 * page. Figures have text of 8 points, the page's colours, and lines and bars that differ in grey
 * too; the same report gives the same bytes on the same machine. The list of clips is left out.
 *
 * A new folder appears when it is complete. With `overwrite` each file in an existing folder is
 * replaced in one step, and others stay. `options` and `result` may be NULL. Errors: EXISTS with
 * key "overwrite"; UNSUPPORTED with key "figure_format" where the library was built without Cairo
 * and the report has charts; ARGUMENT; IO, DISK_FULL, MEMORY. */
VALENCE_API int valence_report_write_figures(const struct valence_report *report,
                                             const char *folder,
                                             const struct valence_figure_options *options,
                                             struct valence_figure_result *result,
                                             struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
