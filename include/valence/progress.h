/* Progress of long work, and the way to cancel it. */
#ifndef VALENCE_PROGRESS_H
#define VALENCE_PROGRESS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct valence_progress_event {
    const char *stage;  /* "importing", "epoch 3/60": what is being done; lives for the call only */
    int64_t done;       /* units finished, 0 ... total */
    int64_t total;      /* 0 where it cannot be known */
    const char *unit;   /* "clips", "MiB" */
    const char *detail; /* "loss 0.412", or NULL */
};

/* Called from the thread that does the work, as often as it likes (a receiver limits its own rate).
 * A non-zero return asks the work to stop at its next safe point: it leaves everything resumable
 * and returns VALENCE_ERROR_CANCELLED. */
struct valence_progress {
    int (*report)(void *user, const struct valence_progress_event *event);
    void *user;
};

#ifdef __cplusplus
}
#endif
#endif
