/* Clips kept as arrays of N: what an .npz, a folder of .npy and a pickled dict of arrays have in
 * common. */
#ifndef VALENCE_EXCHANGE_IMPORT_ARRAYS_H
#define VALENCE_EXCHANGE_IMPORT_ARRAYS_H

#include "exchange/array_stream.h"
#include "exchange/id_list.h"
#include "exchange/import.h"

/* What arrays are called where options do not say: the usual names, most usual first, with '|'
 * between ("vision|video|visual"); NULL: there is none. */
struct import_names {
    const char *id, *split, *label, *group, *transcript, *metadata;
    const char *streams[VALENCE_N_STREAMS];
    /* Arrays that are known and of no use here. */
    const char *ignored;
};

#define IMPORT_MAX_OBJECT_ARRAYS 16

struct import_arrays {
    /* Set by the source. */
    const char *name; /* in errors */
    const struct valence_import_options *options;
    void *self;
    /* The column, or array, of that name; ERROR_NOT_FOUND if there is none. */
    int (*open)(void *self, const char *name, struct import_column *column,
                struct valence_error *error);
    /* Adds the names of all arrays there are. */
    int (*list)(void *self, struct id_list *names, struct valence_error *error);
    struct array_opener opener; /* of arrays within lists; its function may be NULL */
    const char *split_name;     /* of all clips; NULL: as the column says */

    int64_t n_clips; /* -1 before import_arrays_open() */
    struct import_column id, split, label, group, transcript, metadata;
    struct array_stream streams[VALENCE_N_STREAMS];
    struct id_list used; /* names of arrays that were opened */
    int n_objects;
    struct pickled_objects objects[IMPORT_MAX_OBJECT_ARRAYS];
    char *texts[6]; /* id, split, group, transcript, metadata, label of the clip read last */
    char *recording;
};

/* Opens what the options name, or else what goes by the usual names. No streams where there are no
 * clips. Free with import_arrays_close(), after an error too. */
int import_arrays_open(struct import_arrays *arrays, const struct import_names *usual,
                       struct valence_error *error);
void import_arrays_close(struct import_arrays *arrays);

/* ERROR_ARGUMENT with the key "streams", naming the arrays that there are. */
int import_arrays_fail_no_stream(struct import_arrays *arrays, struct valence_error *error);

/* Clip `at` (below n_clips) as a record, and the rows of a stream that is there. Both live until
 * the next call. An id of three parts (video, start, end) becomes "VIDEO_START_END", of the group
 * VIDEO; the group of "VIDEO$_$CLIP" and "VIDEO[3]" is VIDEO too, unless an array says more. */
int import_arrays_record(struct import_arrays *arrays, int64_t at, struct import_record *record,
                         struct valence_error *error);
int import_arrays_rows(struct import_arrays *arrays, int64_t at, enum valence_stream which,
                       struct valence_clip_rows *rows, struct valence_error *error);

/* Forgets what was counted of the streams. */
void import_arrays_restart(struct import_arrays *arrays);

/* Says in the result where padding was, of all `n` sets of arrays together, and, of the first,
 * which arrays were not used. */
int import_arrays_note(struct import_arrays *const *arrays, int n, const struct import_names *usual,
                       struct valence_import_result *result, struct valence_error *error);

#endif
