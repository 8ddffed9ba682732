/* CTranslate2's model.bin: whatever the bytes, it is read or refused, and what is read has its
 * values within the file. */
#include <stdlib.h>

#include "format/ct2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct2 *ct2;
    struct valence_error error;
    (void)ct2_is_file(data, size);
    if (ct2_open_memory(data, size, "input", &ct2, &error))
        return 0;
    for (int64_t i = 0; i < ct2_n_variables(ct2); i++) {
        const struct ct2_variable *variable = ct2_variable(ct2, i);
        float *values = malloc(((size_t)variable->count + 1) * sizeof *values);
        if (values && ct2_to_float(ct2, variable, values, &error))
            abort();
        free(values);
    }
    ct2_close(ct2);
    return 0;
}
