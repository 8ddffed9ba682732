/* Whose figures these are, for whoever sets tables beside each other. */
#ifndef VALENCE_EVALUATE_CLIPS_HASH_H
#define VALENCE_EVALUATE_CLIPS_HASH_H

#include "valence/store.h"

#define CLIPS_HASH_BYTES 65

/* SHA-256 of the clips' ids and labels in this order, as hexadecimal digits. */
void clips_hash(const struct valence_store *store, const int64_t *clips, const float *labels,
                int64_t n, char hash[CLIPS_HASH_BYTES]);

#endif
