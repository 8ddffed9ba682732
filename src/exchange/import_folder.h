/* A stream as a folder with an array for each clip. */
#ifndef VALENCE_EXCHANGE_IMPORT_FOLDER_H
#define VALENCE_EXCHANGE_IMPORT_FOLDER_H

#include "exchange/import.h"
#include "exchange/name_forms.h"

struct import_folder {
    const char *path;
    int64_t feat_scale; /* frame_compression.h; 1: rows as they are */
    float *values;      /* of the clip read last */
    int64_t capacity;
    struct name_index names; /* of files whose names are ids in another form */
};

/* The width of the clip's array PATH/ID.npy; 0 if it has no rows or does not exist. */
int import_folder_width(struct import_folder *folder, const char *id, int64_t *width,
                        struct valence_error *error);

/* The width of the source's first clip that has rows there; with `most` that of most clips, of up
 * to 2,000. 0 if there is none. Goes through the source's records. */
int import_folder_find_width(struct import_folder *folder, struct import_source *source, bool most,
                             int64_t *width, struct valence_error *error);

/* The clip's rows, living until the next call. Its file is PATH/ID.npy, or else the one file whose
 * name looks the same (composed and decomposed letters, ".NPY"). An array is (T, D), or (D) for one
 * row; leading dimensions of 1 do not count. ERROR_NOT_FOUND if there is none, ERROR_SHAPE if
 * the width is not that of `format`. */
int import_folder_rows(struct import_folder *folder, const char *id,
                       const struct valence_store_stream *format, struct valence_clip_rows *rows,
                       struct valence_error *error);

/* Lets the system read the clip's file into its cache, without waiting for it. */
void import_folder_expect(const struct import_folder *folder, const char *id);

/* Counts what is in some of the folders (NULL: none) but is no clip's id, each once. Goes through
 * the source's records. */
int import_folder_count_unlisted(struct import_source *source, const char *const *folders, int n,
                                 struct valence_import_count *unlisted,
                                 struct valence_error *error);

/* ERROR_NOT_FOUND for a stream's folder that has an array of no clip: names one of either side. */
int import_folder_fail_empty(const struct import_folder *folder, struct import_source *source,
                             const char *labels, struct valence_error *error);

/* {stream: what its folder holds} of the source's streams whose folder is not NULL. NULL on
 * error. */
json_t *import_folder_identities(const struct import_source *source, const char *const *folders,
                                 struct valence_error *error);

void import_folder_free(struct import_folder *folder);

#endif
