/* The log of a training as other programs read it: TensorBoard event files, or CSV.
 *
 *     valence_run_log_export("runs/base", "base-tensorboard", NULL, NULL, &error);
 *
 * Every number that a run records for an epoch is a scalar with one name in both formats:
 *
 *   loss/total, loss/complete, ...       the loss terms, means over the epoch's training clips
 *   validation/FLOW/mae                  mean absolute error on the validation clips
 *   selected/complete (missing, mean)    the error that chooses the best epoch
 *   learning_rate, gradient_norm
 *   time/seconds, time/training_seconds, time/clips_per_second
 *
 * The run may still be training: then the export has the epochs that are finished. */
#ifndef VALENCE_RUN_LOG_H
#define VALENCE_RUN_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum valence_log_format {
    /* A folder with an event file for each run; those of several seeds lie in sub-folders, which
     * TensorBoard overlays. The step of an event is the epoch, its wall time is that at which the
     * epoch ended. In a run that recorded no such times, the first epoch begins at 0. Values are
     * single precision, as the format has them. */
    VALENCE_LOG_TENSORBOARD,
    /* One file with a row for each run and epoch: run, epoch, step (of the optimizer), time (when
     * the epoch ended, in seconds since 1970-01-01 UTC), and a column for each scalar. What a run
     * did not record is an empty field. */
    VALENCE_LOG_CSV,
    VALENCE_N_LOG_FORMATS
};
/* "tensorboard", "csv"; NULL for any other number. */
VALENCE_API const char *valence_log_format_name(int format);

/* Start from valence_run_log_options_default(). The names of members are also the keys of errors.
 */
struct valence_run_log_options {
    size_t size;                    /* of this struct, as the caller knows it */
    enum valence_log_format format; /* VALENCE_LOG_TENSORBOARD */
    bool overwrite;                 /* replace files that are there (false) */
};

VALENCE_API void valence_run_log_options_default(struct valence_run_log_options *options);

struct valence_run_log_result {
    size_t size;      /* of this struct, set by the caller */
    int64_t n_runs;   /* whose logs were read */
    int64_t n_epochs; /* of all of them */
    int64_t n_values; /* scalars of all epochs */
};

/* Writes the scalars of the run in the folder `run` to `target`. The folder may also be one of
 * seeds (seed-1, seed-2, ...), or an experiment's, whose runs are called VARIANT/seed-N. Seeds that
 * have not finished an epoch are left out.
 *
 * A new folder or file appears when it is complete; on an error nothing is left. With `overwrite`
 * each file in an existing folder is replaced in one step, and others stay. "-" is standard output
 * (CSV). `options` and `result` may be NULL.
 *
 * Errors: NOT_FOUND where no run is or no epoch is finished; FORMAT for a damaged log, with its
 * line; LIMIT for more than 1000 runs, or 200 scalars; EXISTS with key "overwrite"; ARGUMENT; IO,
 * DISK_FULL, MEMORY. */
VALENCE_API int valence_run_log_export(const char *run, const char *target,
                                       const struct valence_run_log_options *options,
                                       struct valence_run_log_result *result,
                                       struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
