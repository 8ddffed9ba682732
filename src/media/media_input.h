/* The bytes of a media file, as FFmpeg's libraries read them: from a descriptor or from memory, and
 * from nowhere else. */
#ifndef VALENCE_MEDIA_INPUT_H
#define VALENCE_MEDIA_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libavformat/avio.h>

#include "valence/error.h"

struct media_input {
    const char *name;          /* for errors */
    int descriptor;            /* -1: memory */
    bool is_owned;             /* the descriptor is closed with the input */
    const unsigned char *data; /* memory's */
    int64_t n_bytes;           /* -1: a pipe, which cannot be sought */
    int64_t position;
    int problem; /* errno of a failed read, 0 if none failed */
    AVIOContext *io;
};

/* Errors: NOT_FOUND, IO; ARGUMENT for a descriptor that cannot be read. */
int media_input_open(struct media_input *input, const char *path, struct valence_error *error);
int media_input_open_descriptor(struct media_input *input, int descriptor, const char *name,
                                struct valence_error *error);
int media_input_open_memory(struct media_input *input, const void *data, size_t n_bytes,
                            const char *name, struct valence_error *error);
void media_input_close(struct media_input *input);

/* Exactly n bytes from `position`, without moving the reading position; false if there are not
 * so many, or of a pipe. */
bool media_input_peek(const struct media_input *input, int64_t position, void *to, size_t n);

#endif
