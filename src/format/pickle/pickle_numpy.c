#include "format/pickle/pickle_numpy.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define MAX_TEXT_ITEM (16 << 20) /* bytes of one text of an array */

/* Both of the module's names, before and after NumPy 2. */
static bool is_call_of(const struct pickle_value *value, const char *old_name, const char *new_name)
{
    return value && value->type == PICKLE_OBJECT &&
           (pickle_is_global(value->as.object.callable, old_name) ||
            pickle_is_global(value->as.object.callable, new_name));
}

/* "U12" or "S7": texts of that many code points or bytes. */
static bool get_text_type(const struct pickle_value *spelled, struct npy_header *header)
{
    long long length;
    bool is_text = spelled && (spelled->type == PICKLE_TEXT || spelled->type == PICKLE_BYTES) &&
                   spelled->as.bytes.size > 1 && spelled->as.bytes.size < 10;
    if (!is_text)
        return false;
    char name[10] = "";
    memcpy(name, spelled->as.bytes.data, spelled->as.bytes.size);
    header->kind = NPY_TEXTS;
    header->is_unicode = name[0] == 'U';
    if ((name[0] != 'U' && name[0] != 'S') || !parse_int64(name + 1, &length) || length < 1 ||
        length > MAX_TEXT_ITEM / 4)
        return false;
    header->item_bytes = (size_t)length * (header->is_unicode ? 4 : 1);
    return true;
}

/* What dtype('f4') and its state (3, '<', ...) say. */
static bool get_dtype(const struct pickle_value *value, struct npy_header *header)
{
    if (!is_call_of(value, "numpy.dtype", "numpy.dtype"))
        return false;
    const struct pickle_value *spelled = pickle_item(value->as.object.arguments, 0);
    header->swapped = pickle_is_text(pickle_item(value->as.object.state, 1), ">");
    if (pickle_is_text(spelled, "O8")) {
        header->kind = NPY_OBJECTS;
        return true;
    }
    for (int i = 0; i < N_ELEMENT_TYPES; i++) {
        char name[3] = {element_type_numpy_kind((enum element_type)i),
                        (char)('0' + element_type_size((enum element_type)i)), '\0'};
        if (pickle_is_text(spelled, name)) {
            header->kind = NPY_NUMBERS;
            header->type = (enum element_type)i;
            header->item_bytes = element_type_size(header->type);
            return true;
        }
    }
    return get_text_type(spelled, header);
}

static bool get_shape(const struct pickle_value *tuple, struct npy_header *array)
{
    if (!tuple || tuple->type != PICKLE_TUPLE || tuple->as.items.n > ARRAY_MAX_DIMS)
        return false;
    array->n_dims = (int)tuple->as.items.n;
    for (int i = 0; i < array->n_dims; i++) {
        if (tuple->as.items.values[i]->type != PICKLE_INT)
            return false;
        array->shape[i] = tuple->as.items.values[i]->as.integer;
    }
    return shape_count(array->shape, array->n_dims, &array->count);
}

/* The elements: bytes, or a list of objects. */
static bool get_elements(const struct pickle_value *elements, struct pickle_array *array)
{
    const struct npy_header *header = &array->header;
    if (header->kind == NPY_OBJECTS) {
        array->objects = elements;
        return elements && elements->type == PICKLE_LIST && elements->as.items.n == header->count;
    }
    size_t size;
    array->elements = elements;
    return elements && elements->type == PICKLE_BYTES &&
           size_multiply(header->count, (int64_t)header->item_bytes, &size) &&
           size == elements->as.bytes.size;
}

bool pickle_get_array(const struct pickle_value *value, struct pickle_array *array)
{
    *array = (struct pickle_array){0};
    struct npy_header *header = &array->header;
    if (is_call_of(value, "numpy.core.multiarray._reconstruct",
                   "numpy._core.multiarray._reconstruct")) {
        /* State: version, shape, dtype, is in Fortran order, elements. */
        const struct pickle_value *state = value->as.object.state;
        const struct pickle_value *order = pickle_item(state, 3);
        header->fortran_order = order && order->type == PICKLE_BOOL && order->as.integer;
        return get_shape(pickle_item(state, 1), header) &&
               get_dtype(pickle_item(state, 2), header) &&
               get_elements(pickle_item(state, 4), array);
    }
    if (is_call_of(value, "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer")) {
        /* Arguments (protocol 5): elements, dtype, shape, order. */
        const struct pickle_value *arguments = value->as.object.arguments;
        header->fortran_order = pickle_is_text(pickle_item(arguments, 3), "F");
        return get_shape(pickle_item(arguments, 2), header) &&
               get_dtype(pickle_item(arguments, 1), header) &&
               get_elements(pickle_item(arguments, 0), array);
    }
    return false;
}

int pickle_open_array(const struct pickle *pickle, const struct pickle_array *array,
                      const char *name, struct npy **opened, struct valence_error *error)
{
    const struct pickle_value *elements = array->elements;
    if (elements->as.bytes.data)
        return npy_open_elements(&array->header, elements->as.bytes.data, elements->as.bytes.size,
                                 name, opened, error);
    return npy_open_part(&array->header, NULL, pickle_source(pickle), elements->as.bytes.position,
                         elements->as.bytes.size, name, opened, error);
}

/* The one element of a NumPy scalar: scalar(dtype, bytes). */
static bool get_scalar(const struct pickle_value *value, double *number)
{
    struct npy_header dtype = {0};
    const struct pickle_value *arguments = value->as.object.arguments;
    const struct pickle_value *element = pickle_item(arguments, 1);
    if (!is_call_of(value, "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar") ||
        !get_dtype(pickle_item(arguments, 0), &dtype) || dtype.kind != NPY_NUMBERS || !element ||
        element->type != PICKLE_BYTES || element->as.bytes.size != dtype.item_bytes)
        return false;
    elements_to_double(dtype.type, dtype.swapped, element->as.bytes.data, 1, number);
    return true;
}

bool pickle_get_number(const struct pickle_value *value, double *number)
{
    if (!value)
        return false;
    switch (value->type) {
    case PICKLE_BOOL:
    case PICKLE_INT:
        *number = (double)value->as.integer;
        return true;
    case PICKLE_FLOAT:
        *number = value->as.number;
        return true;
    case PICKLE_OBJECT:
        return get_scalar(value, number);
    default:
        return false;
    }
}
