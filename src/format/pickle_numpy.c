#include "format/pickle_numpy.h"

#include "base/memory.h"

/* What dtype('f4') and its state (3, '<', ...) say. */
struct dtype {
    bool is_object;
    enum element_type type;
    bool swapped;
};

/* Both of the module's names, before and after NumPy 2. */
static bool is_call_of(const struct pickle_value *value, const char *old_name, const char *new_name)
{
    return value && value->type == PICKLE_OBJECT &&
           (pickle_is_global(value->as.object.callable, old_name) ||
            pickle_is_global(value->as.object.callable, new_name));
}

static bool get_dtype(const struct pickle_value *value, struct dtype *dtype)
{
    *dtype = (struct dtype){0};
    if (!is_call_of(value, "numpy.dtype", "numpy.dtype"))
        return false;
    const struct pickle_value *spelled = pickle_item(value->as.object.arguments, 0);
    if (pickle_is_text(spelled, "O8")) {
        dtype->is_object = true;
        return true;
    }
    for (int i = 0; i < N_ELEMENT_TYPES; i++) {
        char name[3] = {element_type_numpy_kind((enum element_type)i),
                        (char)('0' + element_type_size((enum element_type)i)), '\0'};
        if (pickle_is_text(spelled, name)) {
            dtype->type = (enum element_type)i;
            dtype->swapped = pickle_is_text(pickle_item(value->as.object.state, 1), ">");
            return true;
        }
    }
    return false;
}

static bool get_shape(const struct pickle_value *tuple, struct pickle_array *array)
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
static bool get_elements(const struct pickle_value *elements,
                         const struct pickle_value *dtype_value, struct pickle_array *array)
{
    struct dtype dtype;
    if (!elements || !get_dtype(dtype_value, &dtype))
        return false;
    if (dtype.is_object) {
        array->objects = elements;
        return elements->type == PICKLE_LIST && elements->as.items.n == array->count;
    }
    array->type = dtype.type;
    array->swapped = dtype.swapped;
    size_t bytes;
    if (elements->type != PICKLE_BYTES ||
        !size_multiply(array->count, (int64_t)element_type_size(dtype.type), &bytes) ||
        bytes != elements->as.bytes.size)
        return false;
    array->data = elements->as.bytes.data;
    return true;
}

bool pickle_get_array(const struct pickle_value *value, struct pickle_array *array)
{
    *array = (struct pickle_array){0};
    if (is_call_of(value, "numpy.core.multiarray._reconstruct",
                   "numpy._core.multiarray._reconstruct")) {
        /* State: version, shape, dtype, is in Fortran order, elements. */
        const struct pickle_value *state = value->as.object.state;
        const struct pickle_value *order = pickle_item(state, 3);
        array->fortran_order = order && order->type == PICKLE_BOOL && order->as.integer;
        return get_shape(pickle_item(state, 1), array) &&
               get_elements(pickle_item(state, 4), pickle_item(state, 2), array);
    }
    if (is_call_of(value, "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer")) {
        /* Arguments (protocol 5): elements, dtype, shape, order. */
        const struct pickle_value *arguments = value->as.object.arguments;
        array->fortran_order = pickle_is_text(pickle_item(arguments, 3), "F");
        return get_shape(pickle_item(arguments, 2), array) &&
               get_elements(pickle_item(arguments, 0), pickle_item(arguments, 1), array);
    }
    return false;
}

/* The one element of a NumPy scalar: scalar(dtype, bytes). */
static bool get_scalar(const struct pickle_value *value, double *number)
{
    struct dtype dtype;
    const struct pickle_value *arguments = value->as.object.arguments;
    const struct pickle_value *element = pickle_item(arguments, 1);
    if (!is_call_of(value, "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar") ||
        !get_dtype(pickle_item(arguments, 0), &dtype) || dtype.is_object || !element ||
        element->type != PICKLE_BYTES || element->as.bytes.size != element_type_size(dtype.type))
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
