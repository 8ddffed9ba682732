/* The words of a clip's transcript, and the rows of text that are of them. */
#ifndef VALENCE_REPORT_SCORE_WORDS_H
#define VALENCE_REPORT_SCORE_WORDS_H

#include "valence/store.h"

/* How many words the transcript has, where it is known of which word each row of the stream is: its
 * encoder recorded it in the clip's metadata, or there are as many rows as words. `words`, (n_rows)
 * or NULL, gets the words of the rows, -1 for a row of none. 0 where it is not known. */
int64_t clip_row_words(const struct valence_clip *clip, const char *stream, int64_t n_rows,
                       int64_t *words);

#endif
