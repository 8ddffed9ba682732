#include "fuzz_npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npy *array;
    struct valence_error error;
    if (npy_open_memory(data, size, "input", &array, &error) == VALENCE_OK) {
        read_array(array);
        npy_close(array);
    }
    return 0;
}
