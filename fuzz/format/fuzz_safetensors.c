#include <stdlib.h>

#include "format/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct safetensors *file;
    struct valence_error error;
    if (safetensors_open_memory(data, size, "input", &file, &error))
        return 0;
    for (int64_t i = 0; i < safetensors_n_tensors(file); i++) {
        const struct safetensor *tensor = safetensors_tensor(file, i);
        size_t count = (size_t)tensor->count + 1; /* no more than the bytes of the file */
        float *floats = malloc(count * sizeof *floats);
        int64_t *integers = malloc(count * sizeof *integers);
        if (floats && integers) {
            (void)safetensor_to_float(tensor, floats, &error);
            (void)safetensor_to_int64(tensor, integers, &error);
        }
        free(floats);
        free(integers);
        if (safetensors_find(file, tensor->name) != tensor)
            abort();
    }
    (void)safetensors_metadata(file, "format");
    safetensors_close(file);
    return 0;
}
