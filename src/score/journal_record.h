/* What is heard and scored of a recording as bytes, and back: for a journal on this machine, not
 * for other programs. */
#ifndef VALENCE_SCORE_JOURNAL_RECORD_H
#define VALENCE_SCORE_JOURNAL_RECORD_H

#include "score/scorer.h"

/* Bytes that are written, or read back. After the first failure (memory, or bytes that are no such
 * record) `failed` stays set and nothing more is done. Start from zeros, with what is to be read in
 * `bytes` and `n`; free(bytes) of one that was written. */
struct record {
    bool reads, failed;
    unsigned char *bytes;
    size_t n, capacity; /* capacity: of what is written */
    size_t at;          /* where the next read begins */
};

/* A segment, and what was wrong with the file up to it. Read, both are in fresh memory; after a
 * failure free what there is with score_made_free(). */
void record_segment(struct record *record, struct score_made *made, char **warning);

/* A transcript; read, it is in fresh memory, NULL after a failure. */
void record_write_transcript(struct record *record, const struct valence_transcript *transcript);
struct valence_transcript *record_read_transcript(struct record *record);

#endif
