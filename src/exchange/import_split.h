/* Drawing a validation part from the training clips of a source that has none: whole groups, so
 * that no recording is in both, and exactly as many as the fraction asks for, but for the last
 * group. */
#ifndef VALENCE_EXCHANGE_IMPORT_SPLIT_H
#define VALENCE_EXCHANGE_IMPORT_SPLIT_H

#include "exchange/import.h"

struct split_draw {
    int64_t n;
    char **groups; /* those that go to validation, sorted */
    /* Of the training clips: their number, how many were to be drawn and were, and their groups. */
    int64_t n_clips, n_wanted, n_drawn, n_groups;
};

/* Reads the source's records once where a part is to be drawn. ERROR_ARGUMENT if it has a
 * validation part. Free with split_draw_free(), after an error too. */
int split_draw_make(struct split_draw *draw, struct import_source *source,
                    const struct valence_import_options *options, struct valence_error *error);
/* Says in the result where whole groups gave far more than was asked for. */
void split_draw_note(const struct split_draw *draw, struct valence_import_result *result);

void split_draw_free(struct split_draw *draw);

/* The split a record belongs to by its own word or, where it has none, by the options; -1: there is
 * no such split. */
int import_split_of(const struct import_record *record,
                    const struct valence_import_options *options);

/* The clip's split after the draw. */
enum valence_split split_draw_apply(const struct split_draw *draw,
                                    const struct import_record *record, enum valence_split split);

#endif
