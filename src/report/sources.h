/* What a report is made of: the inputs, recognised and read. */
#ifndef VALENCE_REPORT_SOURCES_H
#define VALENCE_REPORT_SOURCES_H

#include <jansson.h>
#include <stdbool.h>

#include "run/run_log.h"
#include "valence/error.h"
#include "valence/experiment.h"

/* One training: a run's folder, or one seed of it. */
struct run_source {
    char *path;
    char *name;          /* "run", "run/seed-2": unique among the runs */
    char *parent;        /* the input that it is of: the folder of all its seeds, or `path` */
    char *group;         /* what the seeds of a run are called together: "run" */
    struct run_log log;  /* empty where nothing is logged yet */
    char *configuration; /* the text of config.yaml; NULL where it is not there */
    json_t *results;     /* results.json; NULL while the training has not ended */
    bool has_model;      /* best.safetensors is there */
    /* What it was trained on: the store, as its configuration names it, and the fingerprint of the
     * training and validation clips; and the version of valence that trained it. "" where unknown.
     */
    char *store, *data, *version;
    char *streams; /* that the fingerprint is of: "audio,text,video,", as the store names them */
};

enum document_kind {
    DOCUMENT_EVALUATION,
    DOCUMENT_PROTOCOL,
    DOCUMENT_PREDICTION,
    DOCUMENT_RESULT, /* of an ablation, a comparison or a sweep */
    DOCUMENT_DOCTOR,
    DOCUMENT_REPRESENTATIONS,
    DOCUMENT_COST,
    N_DOCUMENT_KINDS
};

/* A JSON document, of a kind that a report knows. */
struct document_source {
    char *path, *name;
    enum document_kind kind;
    json_t *json;
};

/* The predictions of `valence evaluate --predictions`. */
struct table_source {
    char *path, *name;
};

/* An experiment that has no result yet. */
struct unfinished_source {
    char *path, *name;
    struct valence_experiment *experiment;
    const struct valence_experiment_state *state;
    json_t **results; /* (state->n_runs) results.json of each; NULL where a run is not done */
};

struct sources {
    int64_t n_runs, run_capacity;
    struct run_source *runs;
    int64_t n_documents, document_capacity;
    struct document_source *documents;
    int64_t n_tables, table_capacity;
    struct table_source *tables;
    int64_t n_unfinished, unfinished_capacity;
    struct unfinished_source *unfinished;
};

/* Reads `n` inputs. *sources is empty on failure; free with sources_free(). Errors: NOT_FOUND,
 * FORMAT, LIMIT, IO, MEMORY. */
int sources_read(const char *const *inputs, int n, struct sources *sources,
                 struct valence_error *error);
void sources_free(struct sources *sources);

/* The kind of a document that was read from `name`. Errors: FORMAT where a report knows nothing to
 * make of it, saying what it is. */
int document_recognise(const json_t *json, const char *name, enum document_kind *kind,
                       struct valence_error *error);

#endif
