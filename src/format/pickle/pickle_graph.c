#include "format/pickle/pickle_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define ALIGNMENT            16
#define SMALLEST_BLOCK       4096
#define LARGEST_SHARED_BLOCK (1 << 20)

struct pickle_block {
    struct pickle_block *older;
    size_t used;
    size_t capacity;
    _Alignas(ALIGNMENT) unsigned char data[];
};

/* ---- Memory ---- */

/* Blocks double, so that a small pickle takes little and a large one few blocks. */
static bool add_block(struct pickle *pickle, size_t bytes)
{
    size_t capacity = pickle->used < SMALLEST_BLOCK ? SMALLEST_BLOCK : pickle->used;
    if (capacity > LARGEST_SHARED_BLOCK)
        capacity = LARGEST_SHARED_BLOCK;
    size_t left = pickle->maximum - pickle->used;
    if (bytes > left)
        return false;
    capacity = capacity < bytes ? bytes : capacity > left ? left : capacity;
    struct pickle_block *block = malloc(sizeof *block + capacity);
    if (!block)
        return false;
    *block = (struct pickle_block){.older = pickle->blocks, .capacity = capacity};
    pickle->blocks = block;
    pickle->used += capacity;
    return true;
}

void *pickle_take(struct pickle *pickle, size_t bytes)
{
    if (bytes > pickle->maximum)
        return NULL;
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct pickle_block *block = pickle->blocks;
    if (!block || block->capacity - block->used < rounded) {
        if (!add_block(pickle, rounded))
            return NULL;
        block = pickle->blocks;
    }
    void *taken = block->data + block->used;
    block->used += rounded;
    return taken;
}

struct pickle *pickle_graph_create(size_t maximum_bytes)
{
    struct pickle *pickle = calloc(1, sizeof *pickle);
    if (!pickle)
        return NULL;
    pickle->maximum = maximum_bytes;
    pickle->unknown = pickle_new(pickle, PICKLE_LIST);
    pickle->persistents = pickle_new(pickle, PICKLE_LIST);
    if (!pickle->unknown || !pickle->persistents) {
        pickle_free(pickle);
        return NULL;
    }
    return pickle;
}

void pickle_free(struct pickle *pickle)
{
    if (!pickle)
        return;
    while (pickle->blocks) {
        struct pickle_block *older = pickle->blocks->older;
        free(pickle->blocks);
        pickle->blocks = older;
    }
    free(pickle);
}

/* ---- Nodes ---- */

struct pickle_value *pickle_new(struct pickle *pickle, enum pickle_type type)
{
    struct pickle_value *value = pickle_take(pickle, sizeof *value);
    if (value)
        *value = (struct pickle_value){.type = type};
    return value;
}

struct pickle_value *pickle_new_bytes(struct pickle *pickle, enum pickle_type type,
                                      const void *data, size_t size)
{
    struct pickle_value *value = pickle_new(pickle, type);
    if (value) {
        value->as.bytes.data = data;
        value->as.bytes.size = size;
    }
    return value;
}

struct pickle_value *pickle_new_copy(struct pickle *pickle, enum pickle_type type, const char *data,
                                     size_t size)
{
    char *copy = size < pickle->maximum ? pickle_take(pickle, size + 1) : NULL;
    if (!copy)
        return NULL;
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return pickle_new_bytes(pickle, type, copy, size);
}

struct pickle_value *pickle_new_items(struct pickle *pickle, enum pickle_type type,
                                      struct pickle_value *const *values, int64_t n)
{
    struct pickle_value *container = pickle_new(pickle, type);
    return container && pickle_extend(pickle, container, values, n) ? container : NULL;
}

bool pickle_extend(struct pickle *pickle, struct pickle_value *container,
                   struct pickle_value *const *values, int64_t n)
{
    int64_t old = container->as.items.n, capacity = container->as.items.capacity;
    if (n == 0)
        return true;
    if (capacity - old < n) {
        /* The first values fit exactly: most containers are filled at once. */
        capacity = old == 0 ? n : old + (n > old ? n : old);
        size_t bytes;
        struct pickle_value **moved = NULL;
        if (size_multiply(capacity, sizeof *moved, &bytes))
            moved = pickle_take(pickle, bytes);
        if (!moved)
            return false;
        if (old)
            memcpy(moved, container->as.items.values, (size_t)old * sizeof *moved);
        container->as.items.values = moved;
        container->as.items.capacity = capacity;
    }
    /* `values` may be the container's own. */
    memmove(container->as.items.values + old, values, (size_t)n * sizeof *values);
    container->as.items.n = old + n;
    return true;
}

/* ---- Access ---- */

const struct pickle_value *pickle_root(const struct pickle *pickle)
{
    return pickle->root;
}

const struct pickle_value *pickle_unknown_globals(const struct pickle *pickle)
{
    return pickle->unknown;
}

const struct pickle_value *pickle_persistents(const struct pickle *pickle)
{
    return pickle->persistents;
}

const char *pickle_type_name(const struct pickle_value *value)
{
    static const char *const names[N_PICKLE_TYPES] = {
        [PICKLE_NONE] = "None",     [PICKLE_BOOL] = "bool",
        [PICKLE_INT] = "int",       [PICKLE_BIG_INT] = "int of many digits",
        [PICKLE_FLOAT] = "float",   [PICKLE_TEXT] = "str",
        [PICKLE_BYTES] = "bytes",   [PICKLE_LIST] = "list",
        [PICKLE_TUPLE] = "tuple",   [PICKLE_DICT] = "dict",
        [PICKLE_SET] = "set",       [PICKLE_GLOBAL] = "class or function",
        [PICKLE_OBJECT] = "object", [PICKLE_PERSISTENT] = "persistent id",
    };
    return value ? names[value->type] : "nothing";
}

bool pickle_is_text(const struct pickle_value *value, const char *text)
{
    size_t length = strlen(text);
    return value && (value->type == PICKLE_TEXT || value->type == PICKLE_BYTES) &&
           value->as.bytes.size == length && memcmp(value->as.bytes.data, text, length) == 0;
}

bool pickle_is_global(const struct pickle_value *value, const char *name)
{
    return value && value->type == PICKLE_GLOBAL && strcmp(value->as.bytes.data, name) == 0;
}

const struct pickle_value *pickle_get(const struct pickle_value *dict, const char *key)
{
    if (dict && dict->type == PICKLE_DICT)
        for (int64_t i = dict->as.items.n - 2; i >= 0; i -= 2)
            if (pickle_is_text(dict->as.items.values[i], key))
                return dict->as.items.values[i + 1];
    return NULL;
}

const struct pickle_value *pickle_item(const struct pickle_value *sequence, int64_t index)
{
    bool has_items = sequence && (sequence->type == PICKLE_LIST || sequence->type == PICKLE_TUPLE);
    return has_items && index >= 0 && index < sequence->as.items.n
               ? sequence->as.items.values[index]
               : NULL;
}
