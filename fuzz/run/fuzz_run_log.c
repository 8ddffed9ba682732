/* Logs of runs are foreign bytes: any of them are read or refused with a reason. The input is
 * log.jsonl, a NUL, and timing.jsonl. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "run/run_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_scalar(void *user, const char *name, double value)
{
    if (strlen(name) >= RUN_LOG_NAME_BYTES || !isfinite(value))
        abort();
    ++*(int64_t *)user;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run_log log;
    struct valence_error error = {0};
    char *text = malloc(size + 2);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = text[size + 1] = '\0';
    char *timing = text + strlen(text) + 1;
    int status = run_log_parse(text, timing <= text + size ? timing : NULL, "fuzz", &log, &error);
    if (status && !error.text[0])
        abort();
    for (int64_t e = 0; e < log.n_epochs && !status; e++) {
        int64_t n = 0;
        run_log_visit(&log, e, check_scalar, &n);
        if (n < log.epochs[e].n || log.epochs[e].step < 0)
            abort();
    }
    run_log_free(&log);
    free(text);
    return 0;
}
