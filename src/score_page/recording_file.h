/* A recording's file, as a page plays and shows it. */
#ifndef VALENCE_SCORE_PAGE_RECORDING_FILE_H
#define VALENCE_SCORE_PAGE_RECORDING_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "valence/error.h"
#include "valence/media.h"
#include "valence/progress.h"

/* The address of the file at `path` from a page at `page` ("-": from the working folder), with
 * every byte escaped that means something in an address. Errors: IO where one of the two folders is
 * not there; MEMORY. */
int recording_address(const char *page, const char *path, struct text *address,
                      struct valence_error *error);

/* The type that a browser knows the file by: "video/mp4"; "application/octet-stream" where the
 * format is not one of the common ones. */
const char *recording_type(const char *format, bool has_pictures);

/* The file's bytes in Base64. Errors: IO; MEMORY. */
int recording_bytes(const char *path, struct text *base64, struct valence_error *error);

/* A small picture of a recording. */
struct recording_picture {
    double time;
    struct text jpeg; /* Base64 */
};

/* The first picture in each of `n` equal parts of what lies between `from` and `to`; *n_made of
 * them are there, in `pictures` with room for n. Errors: those of decoding; the pictures made until
 * then are there all the same. Free them with recording_pictures_free(). */
int recording_pictures_make(const char *path, const struct valence_media_options *options,
                            double from, double to, int64_t n, struct recording_picture *pictures,
                            int64_t *n_made, const struct valence_progress *progress,
                            struct valence_error *error);
void recording_pictures_free(struct recording_picture *pictures, int64_t n);

#endif
