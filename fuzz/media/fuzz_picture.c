/* Pictures: whatever the bytes, they are read or refused; what is read can be read through. */
#include <stdint.h>
#include <stdlib.h>

#include "media/picture_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct valence_error error;
    struct picture picture;
    unsigned sum = 0;
    if (picture_read_memory(data, size, "fuzz", &picture, &error) == VALENCE_OK) {
        for (int64_t i = 0; i < picture.width * picture.height * 3; i++)
            sum += picture.pixels[i];
        picture_free(&picture);
    }
    volatile unsigned seen = sum;
    (void)seen;
    return 0;
}
