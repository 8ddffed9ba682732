/* Encoding many files, whatever makes the rows. */
#ifndef VALENCE_ENCODE_FILES_FILE_ENCODER_H
#define VALENCE_ENCODE_FILES_FILE_ENCODER_H

#include "encode/files/feature_output.h"
#include "valence/encode.h"

/* What is to be said of a file beside its rows; texts in fresh memory, or NULL. */
struct file_said {
    char *warning; /* of a damaged file that was taken */
    char *notes;   /* JSON */
    unsigned flags;
};

struct file_encoder {
    int64_t width;
    const struct feature_note *notes; /* what is recorded of the encoder */
    int n_notes;
    const char *const *endings; /* of its files, for folders; see input_files.h */
    int64_t together;           /* files read and encoded at once */
    void *self;

    /* Reads and encodes 1 ... `together` files. *features and what goes into `said`, (n) and clear,
     * are the caller's to free, also after a failure. `progress` is of these files alone. */
    int (*encode)(void *self, const char *const *paths, int64_t n,
                  const struct valence_progress *progress, struct valence_features *features,
                  struct file_said *said, struct valence_error *error);
};

/* As valence_encode_files(). */
int encode_many_files(const struct file_encoder *encoder, const char *const *inputs,
                      int64_t n_inputs, const char *output,
                      const struct valence_encode_options *options,
                      struct valence_encode_report **report, struct valence_error *error);

#endif
