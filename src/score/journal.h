/* What is finished of a long recording, kept in a file until all of it is, so that a call which was
 * interrupted, even killed, goes on where it stopped.
 *
 * The file is FOLDER/KEY.journal. The key is the SHA-256 of all that the scores depend on: the
 * recording's bytes, the model, the encoders, the options, a given transcript. The file holds
 * records, each with its CRC-32C: what was heard so far, then the segments. A record that a kill or
 * a full disk cut off is dropped, with all behind it. It is locked while it is used. */
#ifndef VALENCE_SCORE_JOURNAL_H
#define VALENCE_SCORE_JOURNAL_H

#include "score/scorer.h"

struct score_journal; /* NULL in all functions: nothing is kept */

/* Opens or makes the journal of a recording that is `seconds` long. *journal is NULL, and that is
 * no error, where the options name no folder, the recording is short or in memory, another process
 * scores it at this moment, or the file cannot be made (which is logged): then it is scored without
 * one. Errors: those of reading the recording; MEMORY. */
int score_journal_open(const struct valence_scorer *scorer,
                       const struct valence_recording *recording, double seconds,
                       struct score_journal **journal, struct valence_error *error);

/* Removes the file where the recording is finished, and keeps it otherwise. */
void score_journal_close(struct score_journal *journal, bool is_finished);

/* What was heard; NULL where nothing was. It belongs to the journal. */
const struct valence_transcript *score_journal_heard(const struct score_journal *journal,
                                                     bool *is_all);

/* Takes the next segment, which must be of this span. False where there is none: then, and from
 * then on, segments are scored. `warning` is as in score_span(). */
bool score_journal_take(struct score_journal *journal, const struct score_span *span,
                        struct score_made *made, char **warning);

/* Keep more. A failure is logged, and nothing is kept from then on. */
void score_journal_keep_heard(struct score_journal *journal,
                              const struct valence_transcript *transcript, bool is_all);
void score_journal_keep(struct score_journal *journal, const struct score_made *made,
                        const char *warning);

/* Reads a journal's records: where whole ones end, and in *heard the last transcript (may be NULL).
 * `first` receives where the segments begin. For the fuzz target, too. */
size_t score_journal_scan(const unsigned char *bytes, size_t n, const char *key, size_t *first,
                          struct valence_transcript **heard, bool *is_all);

#endif
