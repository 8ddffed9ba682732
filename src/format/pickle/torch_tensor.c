#include "format/pickle/torch_tensor.h"

#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

/* ---- Layouts ---- */

const struct pickle_value *torch_tensor_arguments(const struct pickle_value *value)
{
    for (int depth = 0; value && value->type == PICKLE_OBJECT && depth < 4; depth++) {
        const struct pickle_value *callable = value->as.object.callable;
        if (pickle_is_global(callable, "torch._utils._rebuild_tensor_v2"))
            return value->as.object.arguments;
        if (!pickle_is_global(callable, "torch._utils._rebuild_parameter"))
            return NULL;
        value = pickle_item(value->as.object.arguments, 0);
    }
    return NULL;
}

static int bad(int status, const char *what, struct valence_error *error)
{
    return fail(error, status, "%s", what);
}

static bool get_sizes(const struct pickle_value *tuple, int n, int64_t *sizes)
{
    if (!tuple || tuple->type != PICKLE_TUPLE || tuple->as.items.n != n)
        return false;
    for (int i = 0; i < n; i++) {
        const struct pickle_value *size = tuple->as.items.values[i];
        if (size->type != PICKLE_INT || size->as.integer < 0)
            return false;
        sizes[i] = size->as.integer;
    }
    return true;
}

/* True if every element lies in a storage of `available` elements. A tensor that repeats
 * elements (stride 0) could claim any size. */
static bool fits_storage(const struct torch_tensor *tensor, int64_t available)
{
    int64_t last = tensor->storage_offset;
    if (tensor->count == 0)
        return true;
    for (int i = 0; i < tensor->n_dims; i++) {
        int64_t span;
        if (__builtin_mul_overflow(tensor->shape[i] - 1, tensor->strides[i], &span) ||
            __builtin_add_overflow(last, span, &last))
            return false;
    }
    return last < available && tensor->count <= available;
}

/* Shape, strides and offset: _rebuild_tensor_v2(storage, offset, size, stride, requires_grad,
 * hooks). */
static int read_sizes(const struct pickle_value *arguments, struct torch_tensor *tensor,
                      struct valence_error *error)
{
    const struct pickle_value *offset = pickle_item(arguments, 1);
    const struct pickle_value *shape = pickle_item(arguments, 2);
    *tensor = (struct torch_tensor){0};
    if (!offset || offset->type != PICKLE_INT || offset->as.integer < 0 || !shape ||
        shape->type != PICKLE_TUPLE)
        return bad(VALENCE_ERROR_FORMAT, "not described as torch.save does", error);
    if (shape->as.items.n > ARRAY_MAX_DIMS)
        return bad(VALENCE_ERROR_UNSUPPORTED, "more than 8 dimensions", error);
    tensor->n_dims = (int)shape->as.items.n;
    tensor->storage_offset = offset->as.integer;
    if (!get_sizes(shape, tensor->n_dims, tensor->shape) ||
        !get_sizes(pickle_item(arguments, 3), tensor->n_dims, tensor->strides) ||
        !shape_count(tensor->shape, tensor->n_dims, &tensor->count))
        return bad(VALENCE_ERROR_FORMAT, "its shape or strides are wrong", error);
    return VALENCE_OK;
}

static int find_storage(const struct torch_container *container,
                        const struct pickle_value *persistent, struct torch_tensor *tensor,
                        struct valence_error *error)
{
    if (!persistent || persistent->type != PICKLE_PERSISTENT)
        return bad(VALENCE_ERROR_FORMAT, "not described as torch.save does", error);
    int status = torch_container_find(container, persistent, &tensor->storage, error);
    tensor->type = tensor->storage.type;
    if (!status && !fits_storage(tensor, tensor->storage.count))
        status = bad(VALENCE_ERROR_FORMAT, "it reaches beyond its storage", error);
    return status;
}

int torch_tensor_read(const struct torch_container *container, const struct pickle_value *arguments,
                      struct torch_tensor *tensor, struct valence_error *error)
{
    int status = read_sizes(arguments, tensor, error);
    return status ? status : find_storage(container, pickle_item(arguments, 0), tensor, error);
}

/* ---- Arrays ---- */

int torch_tensor_open(const struct torch_container *container, const struct byte_source *source,
                      const struct torch_tensor *tensor, const char *name, struct npy **array,
                      struct valence_error *error)
{
    size_t item = element_type_size(tensor->type);
    struct npy_header header = {.kind = NPY_NUMBERS,
                                .type = tensor->type,
                                .item_bytes = item,
                                .swapped = torch_container_is_swapped(container),
                                .n_dims = tensor->n_dims,
                                .count = tensor->count};
    memcpy(header.shape, tensor->shape, sizeof header.shape);
    *array = NULL;
    if (tensor->count > 0)
        header.data_start = (size_t)tensor->storage_offset * item;
    if (tensor->storage.member >= 0)
        return npy_open_member_part(&header, tensor->strides, torch_container_archive(container),
                                    tensor->storage.member, name, array, error);
    return npy_open_part(&header, tensor->strides, source, tensor->storage.position,
                         (uint64_t)tensor->storage.count * item, name, array, error);
}

/* ---- Plain pickles ---- */

/* The bytes that torch made of the storage, as a source of their own where they are in memory. */
static const struct pickle_value *stored_bytes(const struct pickle_value *arguments)
{
    const struct pickle_value *load = pickle_item(arguments, 0), *bytes;
    if (!load || load->type != PICKLE_OBJECT ||
        !pickle_is_global(load->as.object.callable, "torch.storage._load_from_bytes"))
        return NULL;
    bytes = pickle_item(load->as.object.arguments, 0);
    return bytes && bytes->type == PICKLE_BYTES ? bytes : NULL;
}

int torch_open_pickled(const struct pickle *pickle, const struct pickle_value *arguments,
                       const char *name, struct npy **array, struct valence_error *error)
{
    const struct pickle_value *bytes = stored_bytes(arguments);
    struct torch_container *container = NULL;
    struct torch_tensor tensor;
    struct byte_source memory = {.file = -1};
    *array = NULL;
    if (!bytes)
        return bad(VALENCE_ERROR_FORMAT, "a tensor without the bytes of its storage", error);
    const struct byte_source *source = pickle_source(pickle);
    uint64_t start = bytes->as.bytes.position;
    int status = VALENCE_OK;
    if (bytes->as.bytes.data) {
        status = byte_source_open_memory(bytes->as.bytes.data, bytes->as.bytes.size, source->name,
                                         &memory, error);
        source = &memory;
        start = 0;
    }
    if (!status)
        status = torch_container_open(source, start, bytes->as.bytes.size, &container, error);
    if (!status)
        status = read_sizes(arguments, &tensor, error);
    if (!status)
        status =
            find_storage(container, pickle_root(torch_container_pickle(container)), &tensor, error);
    if (!status && tensor.storage.member >= 0)
        status = bad(VALENCE_ERROR_UNSUPPORTED, "a storage in a zip archive", error);
    if (!status)
        status = torch_tensor_open(container, source, &tensor, name, array, error);
    torch_container_close(container);
    if (!status && source == &memory)
        npy_take_source(*array, &memory);
    else
        byte_source_close(&memory);
    return status;
}
