/* What a run records of its epochs, read back from log.jsonl and timing.jsonl. */
#ifndef VALENCE_RUN_RUN_LOG_H
#define VALENCE_RUN_RUN_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

#define RUN_LOG_MAX_SCALARS 200
#define RUN_LOG_NAME_BYTES  128

/* What timing.jsonl says of an epoch, in the order of run_time_names. */
enum run_time { RUN_TIME_SECONDS, RUN_TIME_TRAINING, RUN_TIME_RATE, RUN_N_TIMES };

struct run_log_value {
    int scalar; /* of run_log.names */
    double value;
};

struct run_log_epoch {
    int64_t step;              /* optimizer steps when it ended */
    double ended;              /* seconds since 1970-01-01 UTC; NaN: not recorded */
    double times[RUN_N_TIMES]; /* NaN: not recorded */
    int64_t first, n;          /* its values in run_log.values */
};

/* Epochs 1, 2, ... n_epochs. An epoch has the scalars that its line has, and no others. */
struct run_log {
    int64_t n_scalars, names_capacity;
    char (*names)[RUN_LOG_NAME_BYTES];
    int64_t n_epochs, epochs_capacity;
    struct run_log_epoch *epochs;
    int64_t n_values, values_capacity;
    struct run_log_value *values;
};

/* Reads the logs in a run's folder; of a run that is training, the epochs that are finished. Free
 * with run_log_free(), also after an error. Errors: NOT_FOUND without log.jsonl; FORMAT, with the
 * line; LIMIT; IO; MEMORY. A log of times that is damaged or missing leaves times unknown. */
int run_log_read(const char *folder, struct run_log *log, struct valence_error *error);

/* The same from texts, which are changed; `path` names the log in errors. `timing` may be NULL. */
int run_log_parse(char *text, char *timing, const char *path, struct run_log *log,
                  struct valence_error *error);
void run_log_free(struct run_log *log);

/* Calls `visit` with each scalar of an epoch (from 0) under its public name, those of times last.
 */
typedef void (*run_scalar_visit)(void *user, const char *name, double value);
void run_log_visit(const struct run_log *log, int64_t epoch, run_scalar_visit visit, void *user);

/* A scalar's values, NaN in epochs without it, to values[n_epochs]. */
void run_log_column(const struct run_log *log, int64_t scalar, double *values);

/* The scalar that chooses the best epoch, -1 where the log has none. Its name without "selected/"
 * is its rule. */
int64_t run_log_find_selected(const struct run_log *log);
#define RUN_LOG_SELECTED "selected/"

/* Seconds of all lines in timing.jsonl, and how many these are: an epoch that was trained again
 * after an interruption counts twice. Both are 0 where there is no such file. */
int run_log_spent(const char *folder, double *seconds, int64_t *n, struct valence_error *error);

#endif
