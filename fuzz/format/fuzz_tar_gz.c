/* Input: a gzipped tar archive, of which the member "package/a" is read. */
#include <stdlib.h>

#include "format/tar_gz.h"

#define MAX_PIECE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tar_gz *tar;
    struct valence_error error;
    unsigned char piece[MAX_PIECE];
    if (tar_gz_open_memory(data, size, "input", "package/a", &tar, &error) != VALENCE_OK)
        return 0;
    for (uint64_t left = tar_gz_size(tar); left > 0;) {
        size_t bytes = left < MAX_PIECE ? (size_t)left : MAX_PIECE;
        if (tar_gz_read(tar, piece, bytes, &error) != VALENCE_OK)
            break;
        left -= bytes;
    }
    tar_gz_close(tar);
    return 0;
}
