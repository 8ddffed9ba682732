/* Input: a manifest, a NUL byte, the bytes of its binary files. */
#include <stdlib.h>
#include <string.h>

#include "format/tfjs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tfjs *tfjs;
    struct valence_error error;
    const uint8_t *end = size ? memchr(data, '\0', size) : NULL;
    if (!end || tfjs_parse((const char *)data, (size_t)(end - data), end + 1,
                           size - (size_t)(end - data) - 1, "net", &tfjs, &error) != VALENCE_OK)
        return 0;
    for (int64_t i = 0; i < tfjs_n_tensors(tfjs); i++) {
        const struct tfjs_tensor *tensor = tfjs_tensor(tfjs, i);
        float *values = malloc((size_t)tensor->count * sizeof *values);
        if (values)
            tfjs_to_float(tensor, values);
        free(values);
    }
    tfjs_close(tfjs);
    return 0;
}
