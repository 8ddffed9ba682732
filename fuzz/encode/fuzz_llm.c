/* A language model's GGUF file: whatever the bytes, it loads or is refused; what loads gives rows
 * or an error, and does so on a context as small as they come. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/threads.h"
#include "valence/encoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(struct valence_encoder *encoder)
{
    struct valence_error error;
    struct valence_encoder_state *state;
    struct valence_features features;
    struct valence_encoder_input input = {.text = "so good"};
    if (valence_encoder_state_create(encoder, &state, &error))
        return;
    if (!valence_encoder_encode(state, &input, 1, NULL, &features, &error))
        valence_features_free(&features);
    valence_encoder_state_free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct valence_error error;
    struct valence_encoder *encoder;
    struct valence_encoder_options options = {
        .size = sizeof options, .unverified = true, .layers = "-1", .batch_tokens = 16};
    int file = memfd_create("fuzz", 0);
    threads_set(1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (file >= 0 && write(file, data, size) == (ssize_t)size &&
        !valence_encoder_load(path, &options, &encoder, &error)) {
        encode(encoder);
        valence_encoder_free(encoder);
    }
    if (file >= 0)
        close(file);
    return 0;
}
