/* A run's log.jsonl, as it stands: also of a training that is under way or was killed. */
#ifndef VALENCE_REPORT_RUN_LOG_H
#define VALENCE_REPORT_RUN_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

#define RUN_LOG_MAX_NAMES 32 /* losses, and flows */
#define RUN_LOG_NAME      64

/* Start from zeros; free with run_log_free(). Values that a line lacks are NaN. */
struct run_log {
    int64_t n;    /* epochs */
    int n_losses; /* named by the first line that has any */
    int n_flows;
    char losses[RUN_LOG_MAX_NAMES][RUN_LOG_NAME]; /* "total", then each unweighted term */
    char flows[RUN_LOG_MAX_NAMES][RUN_LOG_NAME];
    char selected_by[RUN_LOG_NAME]; /* "mean" or a flow: what chooses the best epoch; "" */
    /* (n) each */
    double *epoch, *step, *learning_rate, *gradient_norm, *selected;
    double *loss;       /* (n, n_losses) */
    double *validation; /* (n, n_flows): mean absolute errors */
    int64_t best;       /* index of the best epoch, -1 without any */
};

/* From `size` bytes; `name` stands for the file in errors. A last line without its end is one that
 * is being written: it is left out. Empty on failure. Errors: FORMAT, naming the line; LIMIT;
 * MEMORY. */
int run_log_parse(const char *text, size_t size, const char *name, struct run_log *log,
                  struct valence_error *error);

/* From a file. Errors: as above, and NOT_FOUND, IO. */
int run_log_read(const char *path, struct run_log *log, struct valence_error *error);
void run_log_free(struct run_log *log);

#endif
