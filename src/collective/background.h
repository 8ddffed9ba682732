/* A call on a thread of its own, beside what the calling thread does meanwhile. */
#ifndef VALENCE_COLLECTIVE_BACKGROUND_H
#define VALENCE_COLLECTIVE_BACKGROUND_H

#include <pthread.h>
#include <stdbool.h>

#include "valence/error.h"

struct background {
    int (*call)(void *user, struct valence_error *error);
    void *user;
    bool has_thread;
    pthread_t thread;
    int status;
    struct valence_error error;
};

/* Starts the call, which *background must outlive; where no thread can be made, it is over when
 * this returns. */
void background_start(struct background *background,
                      int (*call)(void *user, struct valence_error *error), void *user);

/* Waits for the end of the call and gives its status. */
int background_finish(struct background *background, struct valence_error *error);

#endif
