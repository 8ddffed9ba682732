/* `valence evaluate --protocol`: its options, and the models measured under each protocol. */
#ifndef VALENCE_CLI_PROTOCOL_REQUEST_H
#define VALENCE_CLI_PROTOCOL_REQUEST_H

#include "options.h"
#include "ranks.h"
#include "table.h"
#include "valence/protocol.h"
#include "valence/run.h"

#define MAX_PROTOCOLS      32
#define MAX_PROTOCOL_RATES 64

/* The options as texts, NULL where one is not given. */
struct protocol_texts {
    const char *protocols, *rates, *modality_rates, *padded_rows, *erased, *noisy;
    const char *replaced_by, *noise_kind, *format, *tables;
    const char *select;
    bool keep_text_ends;
    int64_t mask_seed, mask_batch; /* negative where not given */
    double noise;                  /* negative where not given */
    struct option_list at;         /* RATE=RUN */
};

/* The first of the options that is given though no protocol is, or NULL. */
const char *protocol_texts_given(const struct protocol_texts *texts);

/* A run that was trained for one rate. */
struct rate_run {
    double rate;
    const char *run;
};

struct protocol_request {
    int n_protocols;
    const struct valence_protocol_info *protocols[MAX_PROTOCOLS];
    struct valence_protocol_options options; /* its rates are those below */
    double rates[MAX_PROTOCOL_RATES];
    bool as_published; /* the choice of epochs */
    enum table_format format;
    const char *tables;        /* the folder for all forms, or NULL */
    const struct ranks *ranks; /* that measure together */
    int n_rate_runs;
    struct rate_run rate_runs[OPTION_LIST_MAX];
};

/* Reads the texts; what other options of `evaluate` say is filled in by the caller. EXIT_USAGE
 * where one is wrong, said on stderr. `request` must stay in its place: its options point into
 * it. */
int protocol_request_parse(const struct command *command, const struct protocol_texts *texts,
                           struct protocol_request *request);

/* The models of a run under each protocol. */
struct protocol_results {
    const char *run;
    struct valence_run *models;
    int n; /* models measured */
    /* (n_protocols, models of the run) */
    const struct valence_protocol_evaluation **evaluations;
};

/* Everything that is shown. */
struct protocol_set {
    const struct protocol_request *request;
    const struct valence_store *store;
    struct protocol_results base;
    /* for each of request->rate_runs, measured at its rate alone */
    struct protocol_results at[OPTION_LIST_MAX];
};

/* Measures; free with protocol_set_free(), also after a failure. */
int protocol_set_measure(const char *run, enum valence_checkpoint which,
                         const struct protocol_request *request, const struct valence_store *store,
                         struct valence_progress *progress, struct protocol_set *set,
                         struct valence_error *error);
void protocol_set_free(struct protocol_set *set);

/* The results that a condition's figures come from: those of the run that was trained for its rate,
 * else the first run's. *number is the condition's place in the evaluations. */
const struct protocol_results *protocol_results_for(const struct protocol_set *set, int protocol,
                                                    int condition, int *number);
const struct valence_condition *protocol_condition_of(const struct protocol_results *results,
                                                      int protocol, int model, int condition);

/* Mean and standard deviation over the models of a condition's metric, of its area and its mean
 * over the conditions. */
struct valence_seed_summary protocol_metric(const struct protocol_set *set, int protocol,
                                            int condition, enum valence_metric metric);
struct valence_seed_summary protocol_auilc(const struct protocol_set *set, int protocol,
                                           enum valence_metric metric);
struct valence_seed_summary protocol_mean(const struct protocol_set *set, int protocol,
                                          enum valence_metric metric);

/* The fewest models that any condition's figures come from. */
int protocol_n_models(const struct protocol_set *set);

/* As CSV one table with a row for each protocol, condition and metric. */
void print_protocol_tables(const struct protocol_set *set, enum table_format format, FILE *stream);
/* protocols.txt, .md, .csv, .tex and .json in a folder, which is made where it is missing. */
int write_protocol_tables(const char *folder, const struct protocol_set *set,
                          struct valence_error *error);
int print_protocol_json(const struct protocol_set *set, struct valence_error *error);

#endif
