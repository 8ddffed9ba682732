#include <stdlib.h>

#include "format/pickle/pickle.h"
#include "format/pickle/pickle_numpy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_last_element(const struct pickle_array *array)
{
    struct npy *opened;
    float number;
    char *text = NULL;
    int64_t last = array->header.count - 1;
    if (npy_open_elements(&array->header, array->data, array->size, "array", &opened, NULL))
        return;
    if (array->header.kind == NPY_NUMBERS)
        (void)npy_read_float(opened, last, 1, &number, NULL);
    else
        (void)npy_read_text(opened, last, &text, NULL);
    free(text);
    npy_close(opened);
}

/* Looks at everything within a few steps of the root; the graph may be cyclic. */
static void look(const struct pickle_value *value, int depth)
{
    struct pickle_array array;
    double number;
    if (!value || depth > 4)
        return;
    (void)pickle_type_name(value);
    (void)pickle_get(value, "key");
    (void)pickle_get_number(value, &number);
    if (pickle_get_array(value, &array) && array.data && array.header.count > 0)
        look_at_last_element(&array);
    if (value->type == PICKLE_OBJECT) {
        look(value->as.object.arguments, depth + 1);
        look(value->as.object.state, depth + 1);
        look(value->as.object.contents, depth + 1);
    } else if (value->type == PICKLE_LIST || value->type == PICKLE_TUPLE ||
               value->type == PICKLE_DICT || value->type == PICKLE_SET) {
        for (int64_t i = 0; i < value->as.items.n && i < 16; i++)
            look(value->as.items.values[i], depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int keep = 0; keep < 2; keep++) {
        struct pickle *pickle;
        struct valence_error error;
        const struct pickle_options options = {.keep_unknown = keep};
        if (pickle_read(data, size, &options, "input", &pickle, NULL, &error) == VALENCE_OK) {
            look(pickle_root(pickle), 0);
            pickle_free(pickle);
        }
    }
    return 0;
}
