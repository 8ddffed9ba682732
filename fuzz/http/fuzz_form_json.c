/* JSON bodies of requests. */
#include "http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_form form = {0};
    struct valence_error error;
    (void)form_read_json(&form, (const char *)data, size, &error);
    form_free(&form);
    return 0;
}
