/* The published layout out of arbitrary bytes: an error or a checkpoint, nothing else. */
#include <stddef.h>
#include <stdint.h>

#include "model/published.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint checkpoint;
    struct valence_error error = {0};
    struct text unused = {.maximum = 1 << 16};
    int status = published_load_memory(data, size, "input", VALENCE_IMAGINATION_TRANSITION,
                                       &checkpoint, &unused, &error);
    if (!status)
        checkpoint_free(&checkpoint);
    else if (checkpoint.parameters || error.text[0] == '\0')
        __builtin_trap();
    text_free(&unused);
    return 0;
}
