/* What the targets for .npy and .npz do with an array: read it in every way there is. */
#ifndef FUZZ_FORMAT_FUZZ_NPY_H
#define FUZZ_FORMAT_FUZZ_NPY_H

#include <stdlib.h>

#include "format/npy.h"

static inline void read_array(struct npy *array)
{
    struct valence_error error;
    const struct npy_header *header = npy_header(array);
    float floats[64];
    int64_t integers[64], n = header->count < 64 ? header->count : 64;
    (void)npy_read_float(array, 0, n, floats, &error);
    (void)npy_read_float(array, header->count - n, n, floats, &error);
    (void)npy_read_int64(array, header->count / 2, n / 2, integers, &error);
    void *bytes;
    size_t size;
    char *text;
    if (header->count > 0 && npy_read_text(array, header->count - 1, &text, &error) == 0)
        free(text);
    if (npy_read_bytes(array, 1 << 20, &bytes, &size, &error) == 0)
        free(bytes);
}

#endif
