/* Reading a source a few clips ahead on a thread of its own, so that reading and writing go on at
 * once. */
#ifndef VALENCE_EXCHANGE_READ_AHEAD_H
#define VALENCE_EXCHANGE_READ_AHEAD_H

#include "exchange/import.h"

struct read_ahead;

/* Goes on where `source` is; until the end nobody else may call it. *ahead is NULL on error. */
int read_ahead_start(struct import_source *source, struct read_ahead **ahead,
                     struct valence_error *error);
void read_ahead_stop(struct read_ahead *ahead); /* NULL is fine */

/* What the source's functions give, in the same order and with the same errors. */
int read_ahead_next(struct read_ahead *ahead, struct import_record *record, bool *more,
                    struct valence_error *error);
int read_ahead_rows(struct read_ahead *ahead, int stream, struct valence_clip_rows *rows,
                    struct valence_error *error);

#endif
