#include <stdlib.h>

#include "format/pickle/torch_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct torch_file *file;
    struct valence_error error;
    if (torch_file_open_memory(data, size, "input", &file, &error))
        return 0;
    for (int64_t i = 0; i < torch_file_n_tensors(file) && i < 64; i++) {
        const struct torch_tensor *tensor = torch_file_tensor(file, i);
        /* No more elements than the file has bytes. */
        float *values = malloc(((size_t)tensor->count + 1) * sizeof *values);
        if (values)
            (void)torch_file_read_float(file, tensor, values, &error);
        free(values);
        if (torch_file_find(file, tensor->path) != tensor)
            abort();
    }
    torch_file_close(file);
    return 0;
}
