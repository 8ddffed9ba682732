/* What the importers share: a request, the walk over a source's clips, its checks, skips and
 * counts. */
#ifndef VALENCE_EXCHANGE_IMPORT_H
#define VALENCE_EXCHANGE_IMPORT_H

#include <jansson.h>

#include "valence/import.h"
#include "valence/store.h"

/* One call of valence_import(). */
struct import_request {
    const char *source, *store;
    const struct valence_import_options *options; /* checked */
    struct valence_data_summary *summary;         /* to count in, NULL to store */
    const struct valence_progress *progress;      /* may be NULL */
    struct valence_import_result *result;
};

/* The importers by kind: import_KIND.c. `error` is never NULL. */
typedef int import_function(const struct import_request *request, struct valence_error *error);
import_function import_table, import_dense, import_merbench, import_mmsa, import_csd;

/* What a source says of its next clip; the texts live until its next call. */
struct import_record {
    const char *id, *group, *transcript;
    const char *metadata; /* may be NULL */
    const char *split;    /* NULL: the source has none */
    const char *label;    /* a number or "", NULL likewise */
    double label_number;  /* where `label` is NULL, or NaN */
    /* What is wrong with the label, and with a split that is none; NULL: what they say. */
    const char *problem, *split_problem;
    char place[320]; /* "table.csv:12", for errors */
};

/* One kind of source. Functions give ERROR_SHAPE for a stream of another width, ERROR_DATA for an
 * unusable value and ERROR_NOT_FOUND for a stream's missing file: what the options may allow to be
 * skipped. */
struct import_source {
    int n_streams;
    struct valence_store_stream streams[VALENCE_STORE_MAX_STREAMS]; /* but for the types */
    int64_t n_clips;                                                /* 0 if it cannot be known */
    json_t *description;                                            /* for the store's "source" */
    void *self;
    /* Back to before the first clip. */
    int (*restart)(void *self, struct valence_error *error);
    int (*next)(void *self, struct import_record *record, bool *more, struct valence_error *error);
    /* The rows of a stream of the clip that next() gave last, living until the next call for that
     * stream. */
    int (*rows)(void *self, int stream, struct valence_clip_rows *rows,
                struct valence_error *error);
    /* Where rows depend on nothing but the clip's id, else NULL: the rows of a clip that next()
     * gave some time ago, and a word before that they will be asked for, so that the disk can be
     * read for many clips at once. */
    int (*rows_of)(void *self, const char *id, int stream, struct valence_clip_rows *rows,
                   struct valence_error *error);
    void (*expect)(void *self, const char *id);
};

/* Imports all of it. Releases the description. */
int import_run(struct import_source *source, const struct import_request *request,
               struct valence_error *error);

/* Adds a stream to what the source has. */
void import_name_stream(struct import_source *source, enum valence_stream which, int64_t width);

/* One more, of that id. */
void import_count(struct valence_import_count *count, const char *id);

/* Adds a sentence to the result's notes; what does not fit any more is lost. */
void import_note(struct valence_import_result *result, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
