/* A clip's rows from one store on their way to another. */
#ifndef VALENCE_STORE_CLIP_COPY_H
#define VALENCE_STORE_CLIP_COPY_H

#include "valence/store.h"

/* Start from zeros; it grows as clips need, and is used for one after the other. */
struct clip_copy {
    int n;                                                        /* streams that the clip has */
    struct valence_clip_rows rows[VALENCE_STORE_MAX_STREAMS + 1]; /* with room for a new stream */
    void *elements;                                               /* of one stream, as stored */
    float *values;                                                /* of all */
    int64_t element_capacity, value_capacity;
};

int clip_copy_read(struct clip_copy *copy, const struct valence_store *from, int64_t clip,
                   struct valence_error *error);
void clip_copy_free(struct clip_copy *copy);

#endif
