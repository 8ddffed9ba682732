#include <stdlib.h>

#include "format/pickle/pickle.h"
#include "format/pickle/pickle_numpy.h"
#include "format/pickle/pickled_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A NumPy array or a tensor. */
static void look_at_last_element(const struct pickle *pickle, const struct pickle_value *value)
{
    struct npy *array;
    float number;
    char *text = NULL;
    if (pickle_open_any_array(pickle, value, "array", &array, NULL))
        return;
    int64_t last = npy_header(array)->count - 1;
    (void)npy_read_float(array, last, 1, &number, NULL);
    (void)npy_read_text(array, last, &text, NULL);
    free(text);
    npy_close(array);
}

/* Looks at everything within a few steps of the root; the graph may be cyclic. */
static void look(const struct pickle *pickle, const struct pickle_value *value, int depth)
{
    double number;
    if (!value || depth > 4)
        return;
    (void)pickle_type_name(value);
    (void)pickle_get(value, "key");
    (void)pickle_get_number(value, &number);
    look_at_last_element(pickle, value);
    if (value->type == PICKLE_OBJECT) {
        look(pickle, value->as.object.arguments, depth + 1);
        look(pickle, value->as.object.state, depth + 1);
        look(pickle, value->as.object.contents, depth + 1);
    } else if (value->type == PICKLE_LIST || value->type == PICKLE_TUPLE ||
               value->type == PICKLE_DICT || value->type == PICKLE_SET) {
        for (int64_t i = 0; i < value->as.items.n && i < 16; i++)
            look(pickle, value->as.items.values[i], depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int keep = 0; keep < 2; keep++) {
        struct pickle *pickle;
        struct valence_error error;
        const struct pickle_options options = {.keep_unknown = keep};
        if (pickle_read(data, size, &options, "input", &pickle, NULL, &error) == VALENCE_OK) {
            look(pickle, pickle_root(pickle), 0);
            pickle_free(pickle);
        }
    }
    return 0;
}
