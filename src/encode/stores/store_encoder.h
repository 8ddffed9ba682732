/* Adding a stream to a store, whatever makes its rows. */
#ifndef VALENCE_ENCODE_STORES_STORE_ENCODER_H
#define VALENCE_ENCODE_STORES_STORE_ENCODER_H

#include <jansson.h>

#include "valence/encode.h"

/* What a clip gives. Rows and metadata live until the next call. */
struct encoded_clip {
    enum valence_encoded_state state; /* ENCODED or NOTHING_TO_ENCODE */
    int64_t n_rows;
    const float *rows;
    json_t *metadata;
    unsigned flags;
};

struct store_encoder {
    const char *stream; /* its name where the options give none */
    int64_t width;
    const char *settings; /* JSON, recorded as the source's "encoders" */
    int64_t together;     /* clips encoded at once */
    void *self;
    int (*encode)(void *self, const struct valence_clip *const *clips, int64_t n,
                  const struct valence_progress *progress, struct encoded_clip *encoded,
                  struct valence_error *error);
};

/* As valence_encode_store_text(); the options are read. */
int encode_store(const struct store_encoder *encoder, const char *from, const char *to,
                 const struct valence_encode_store_options *options,
                 struct valence_encode_report **report, struct valence_error *error);

/* The caller's options over the defaults. */
int encode_store_options_read(struct valence_encode_store_options *own,
                              const struct valence_encode_store_options *options,
                              struct valence_error *error);

#endif
