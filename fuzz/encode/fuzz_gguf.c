/* An encoder's GGUF file, of any kind of our own: whatever the bytes, it loads or is refused; what
 * loads can be described. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "valence/encoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct valence_error error;
    struct valence_encoder *encoder;
    struct valence_encoder_options options = {.size = sizeof options, .unverified = true};
    int file = memfd_create("fuzz", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (file >= 0 && write(file, data, size) == (ssize_t)size &&
        !valence_encoder_load(path, &options, &encoder, &error)) {
        const struct valence_encoder_description *description = valence_encoder_describe(encoder);
        if (!description->kind[0] || description->width < 1)
            abort();
        valence_encoder_free(encoder);
    }
    if (file >= 0)
        close(file);
    return 0;
}
