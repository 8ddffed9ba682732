#include "format/pickle/pickle_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define ALIGNMENT            8
#define SMALLEST_BLOCK       4096
#define LARGEST_SHARED_BLOCK (1 << 20)
#define LARGE_CONTAINER      4096 /* items that have memory of their own */

struct pickle_block {
    struct pickle_block *older;
    size_t used;
    size_t capacity;
    _Alignas(ALIGNMENT) unsigned char data[];
};

struct pickle_array_block {
    struct pickle_array_block *previous, *next;
    struct pickle_value *items[];
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
    pickle->no_memory = !block;
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
    while (pickle->arrays) {
        struct pickle_array_block *next = pickle->arrays->next;
        free(pickle->arrays);
        pickle->arrays = next;
    }
    byte_source_close(&pickle->own);
    free(pickle);
}

/* A large container's items in memory of their own: `items` (NULL: none yet) of `old` places, which
 * may move. */
static struct pickle_value **grow_items(struct pickle *pickle, struct pickle_value **items,
                                        int64_t old, int64_t capacity)
{
    struct pickle_array_block *block = NULL;
    size_t bytes, was = items ? (size_t)old * sizeof *items : 0;
    if (!size_multiply(capacity, sizeof *items, &bytes) ||
        bytes - was > pickle->maximum - pickle->used)
        return NULL;
    if (items)
        block = (void *)((char *)items - offsetof(struct pickle_array_block, items));
    bool is_first = block && pickle->arrays == block;
    struct pickle_array_block *moved = realloc(block, sizeof *block + bytes);
    pickle->no_memory = !moved;
    if (!moved)
        return NULL;
    if (!block)
        *moved = (struct pickle_array_block){.next = pickle->arrays};
    if (!block || is_first)
        pickle->arrays = moved;
    if (moved->previous)
        moved->previous->next = moved;
    if (moved->next)
        moved->next->previous = moved;
    pickle->used += bytes - was;
    return moved->items;
}

/* ---- Nodes ---- */

/* Of a node as much as its type uses. */
static size_t node_bytes(enum pickle_type type)
{
    const struct pickle_value *value = NULL;
    size_t start = offsetof(struct pickle_value, as);
    switch (type) {
    case PICKLE_NONE:
    case PICKLE_BOOL:
    case PICKLE_INT:
    case PICKLE_FLOAT:
        return start + sizeof value->as.integer;
    case PICKLE_BIG_INT:
    case PICKLE_TEXT:
    case PICKLE_BYTES:
    case PICKLE_GLOBAL:
        return start + sizeof value->as.bytes;
    case PICKLE_LIST:
    case PICKLE_TUPLE:
    case PICKLE_DICT:
    case PICKLE_SET:
        return start + sizeof value->as.items;
    default:
        return sizeof *value;
    }
}

struct pickle_value *pickle_new(struct pickle *pickle, enum pickle_type type)
{
    size_t bytes = node_bytes(type);
    struct pickle_value *value = pickle_take(pickle, bytes);
    if (value) {
        memset(value, 0, bytes);
        value->type = type;
    }
    return value;
}

struct pickle_value *pickle_new_none(struct pickle *pickle)
{
    if (!pickle->none)
        pickle->none = pickle_new(pickle, PICKLE_NONE);
    return pickle->none;
}

struct pickle_value *pickle_new_int(struct pickle *pickle, enum pickle_type type, int64_t integer)
{
    struct pickle_value **shared = type == PICKLE_BOOL ? &pickle->bools[integer != 0]
                                   : integer >= 0 && integer < PICKLE_SHARED_INTS
                                       ? &pickle->ints[integer]
                                       : NULL;
    struct pickle_value *value = shared && *shared ? *shared : pickle_new(pickle, type);
    if (value)
        value->as.integer = integer;
    if (shared)
        *shared = value;
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
        bool was_large = capacity >= LARGE_CONTAINER;
        int64_t grown = old == 0 ? n : old + (n > old ? n : was_large ? (n + old / 2) : old);
        size_t bytes;
        struct pickle_value **moved = NULL, **items = container->as.items.values;
        int64_t from = values == items ? 0 : -1; /* they may be the container's own */
        if (grown >= LARGE_CONTAINER)
            moved = grow_items(pickle, was_large ? items : NULL, capacity, grown);
        else if (size_multiply(grown, sizeof *moved, &bytes))
            moved = pickle_take(pickle, bytes);
        if (!moved)
            return false;
        if (old && !was_large)
            memcpy(moved, items, (size_t)old * sizeof *moved);
        values = from == 0 ? moved : values;
        container->as.items.values = moved;
        container->as.items.capacity = grown;
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

const struct byte_source *pickle_source(const struct pickle *pickle)
{
    return pickle->source;
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
           value->as.bytes.size == length && value->as.bytes.data &&
           memcmp(value->as.bytes.data, text, length) == 0;
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
