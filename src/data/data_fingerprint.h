/* What identifies the data of a training: kept in its checkpoints, compared when it is resumed and
 * when its models are used.
 *
 * Three parts, so that the cheap ones can be compared alone: the records (id, split, label and
 * number of rows in each stream, of every labelled training and validation clip), the rows of a
 * sample of these clips, and the rows of all. As text: "RECORDS-SAMPLE-ROWS", each 16 hexadecimal
 * digits. */
#ifndef VALENCE_DATA_DATA_FINGERPRINT_H
#define VALENCE_DATA_DATA_FINGERPRINT_H

#include "valence/progress.h"
#include "valence/store.h"

#define DATA_FINGERPRINT_BYTES 51

enum data_match { DATA_SAME, DATA_OTHER_RECORDS, DATA_OTHER_ROWS };

/* The fingerprint of what a training reads: the network's streams by their names in the store (""
 * for none). Errors: those of reading rows; CANCELLED. `progress` may be NULL. */
int data_fingerprint(const struct valence_store *store,
                     const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES],
                     const struct valence_progress *progress, char text[DATA_FINGERPRINT_BYTES],
                     struct valence_error *error);

/* Compares records and sample alone, which takes no time whatever the size of the store. A text
 * that is no fingerprint matches nothing (OTHER_RECORDS). */
int data_fingerprint_compare(const struct valence_store *store,
                             const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES],
                             const char *text, enum data_match *match, struct valence_error *error);

/* The two texts' first parts that differ. */
enum data_match data_fingerprint_match(const char *a, const char *b);

#endif
