#include "format/pickle/torch_container.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/archive.h"

#define MAX_NAME_BYTES 4096
#define LEGACY_VERSION 1001

/* A storage of the older layout. */
struct legacy_storage {
    const struct pickle_value *key; /* TEXT */
    enum element_type type;
    uint64_t position; /* of its elements; 0: not in the file */
    int64_t count;
};

struct torch_container {
    const char *name;
    const struct byte_source *source;
    struct pickle *pickle;
    bool is_swapped;

    struct archive *archive; /* zip layout; a storage's index is its member's */
    char *folder;            /* "archive/" */
    void *pickle_bytes;

    struct legacy_storage *legacy; /* older layout, sorted by key */
    int64_t n_legacy;
};

static int bad(const struct torch_container *container, const char *what,
               struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT, "%s: %s", container->name, what);
}

/* ---- Storages in pickles ---- */

struct storage_reference {
    enum element_type type;
    const struct pickle_value *key; /* TEXT */
    int64_t count;                  /* as the pickle claims */
};

static bool get_storage_type(const struct pickle_value *class, enum element_type *type)
{
    static const struct {
        const char *name;
        enum element_type type;
    } classes[] = {
        {"torch.FloatStorage", ELEMENT_F32},
        {"torch.HalfStorage", ELEMENT_F16},
        {"torch.DoubleStorage", ELEMENT_F64},
        {"torch.BFloat16Storage", ELEMENT_BF16},
        {"torch.LongStorage", ELEMENT_I64},
        {"torch.IntStorage", ELEMENT_I32},
        {"torch.ShortStorage", ELEMENT_I16},
        {"torch.CharStorage", ELEMENT_I8},
        {"torch.ByteStorage", ELEMENT_U8},
        {"torch.BoolStorage", ELEMENT_BOOL},
        {"torch.storage.UntypedStorage", ELEMENT_U8},
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (pickle_is_global(class, classes[i].name)) {
            *type = classes[i].type;
            return true;
        }
    return false;
}

static int get_reference(const struct torch_container *container,
                         const struct pickle_value *persistent, struct storage_reference *reference,
                         struct valence_error *error)
{
    const struct pickle_value *id = persistent->as.object.arguments;
    const struct pickle_value *count = pickle_item(id, 4);
    reference->key = pickle_item(id, 2);
    if (!pickle_is_text(pickle_item(id, 0), "storage") || !reference->key ||
        reference->key->type != PICKLE_TEXT || !count || count->type != PICKLE_INT)
        return bad(container, "a tensor's storage is not described as torch.save does", error);
    reference->count = count->as.integer;
    const struct pickle_value *class = pickle_item(id, 1), *view = pickle_item(id, 5);
    if (!get_storage_type(class, &reference->type))
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: a tensor's storage of unknown type '%.200s'", container->name,
                    class && class->type == PICKLE_GLOBAL ? class->as.bytes.data : "");
    if (view && view->type != PICKLE_NONE)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: a storage that is part of another one",
                    container->name);
    return VALENCE_OK;
}

/* ---- The zip layout ---- */

/* "FOLDER/name", or its index in the archive; -1 if it is not there. */
static int64_t find_member(const struct torch_container *container, const char *name)
{
    char path[MAX_NAME_BYTES + 1];
    int length = snprintf(path, sizeof path, "%s%s", container->folder, name);
    return length < 0 || (size_t)length >= sizeof path ? -1
                                                       : archive_find(container->archive, path);
}

/* The folder is whatever holds data.pkl. */
static int find_folder(struct torch_container *container, struct valence_error *error)
{
    static const char wanted[] = "data.pkl";
    for (int64_t i = 0; i < archive_n_members(container->archive); i++) {
        const char *name = archive_member_name(container->archive, i);
        const char *slash = strchr(name, '/');
        if (!slash || strcmp(slash + 1, wanted) != 0)
            continue;
        if (container->folder)
            return bad(container, "two folders hold a data.pkl", error);
        container->folder = strndup(name, (size_t)(slash + 1 - name));
        if (!container->folder)
            return fail_memory(error, strlen(name), container->name);
    }
    if (!container->folder)
        return bad(container, "a zip archive, but not of torch.save (no data.pkl)", error);
    if (find_member(container, "constants.pkl") >= 0)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: a TorchScript archive, which holds code (save the model's state_dict() "
                    "with torch.save)",
                    container->name);
    return VALENCE_OK;
}

/* torch.save compresses nothing, so a member cannot be larger than the file. */
static int member_size(const struct torch_container *container, int64_t index, uint64_t *size,
                       struct valence_error *error)
{
    struct archive_member *member;
    int status = archive_member_open(container->archive, index, &member, error);
    if (status)
        return status;
    *size = archive_member_size(member);
    bool is_stored = archive_member_is_stored(member);
    archive_member_close(member);
    if (!is_stored)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: member '%.200s' is compressed, which torch.save never does",
                    container->name, archive_member_name(container->archive, index));
    return VALENCE_OK;
}

static int read_member(const struct torch_container *container, int64_t index, void **data,
                       size_t *size, struct valence_error *error)
{
    uint64_t claimed;
    int status = member_size(container, index, &claimed, error);
    return status ? status
                  : archive_read(container->archive, index, (size_t)claimed, data, size, error);
}

static int read_byte_order(struct torch_container *container, struct valence_error *error)
{
    int64_t index = find_member(container, "byteorder");
    if (index < 0) /* older than the member: machines were little-endian */
        return VALENCE_OK;
    void *text;
    size_t size;
    int status = read_member(container, index, &text, &size, error);
    if (status)
        return status;
    container->is_swapped = size == 3 && memcmp(text, "big", 3) == 0;
    if (!container->is_swapped && (size != 6 || memcmp(text, "little", 6) != 0))
        status = bad(container, "its byteorder is neither 'little' nor 'big'", error);
    free(text);
    return status;
}

static int open_zip(struct torch_container *container, struct valence_error *error)
{
    size_t pickle_size;
    const struct pickle_options options = {.keep_unknown = true};
    const struct byte_source *source = container->source;
    int status = source->bytes ? archive_open_memory(source->bytes, (size_t)source->size,
                                                     source->name, &container->archive, error)
                               : archive_open(source->name, &container->archive, error);
    if (!status)
        status = find_folder(container, error);
    if (!status)
        status = read_byte_order(container, error);
    if (!status)
        status = read_member(container, find_member(container, "data.pkl"),
                             &container->pickle_bytes, &pickle_size, error);
    if (!status)
        status = pickle_read(container->pickle_bytes, pickle_size, &options, container->name,
                             &container->pickle, NULL, error);
    return status;
}

static int find_in_zip(const struct torch_container *container,
                       const struct storage_reference *reference, struct torch_storage *storage,
                       struct valence_error *error)
{
    char name[MAX_NAME_BYTES + 1];
    int length = snprintf(name, sizeof name, "data/%s", reference->key->as.bytes.data);
    storage->member =
        length < 0 || (size_t)length >= sizeof name ? -1 : find_member(container, name);
    if (storage->member < 0)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: the storage '%.200s' is not in the file",
                    container->name, reference->key->as.bytes.data);
    uint64_t bytes = 0;
    int status = member_size(container, storage->member, &bytes, error);
    storage->count = (int64_t)(bytes / element_type_size(reference->type));
    return status;
}

/* ---- The older layout ---- */

static int compare_keys(const void *left, const void *right)
{
    const struct legacy_storage *a = left, *b = right;
    return strcmp(a->key->as.bytes.data, b->key->as.bytes.data);
}

static struct legacy_storage *find_legacy(const struct torch_container *container,
                                          const struct pickle_value *key)
{
    const struct legacy_storage wanted = {.key = key};
    return bsearch(&wanted, container->legacy, (size_t)container->n_legacy,
                   sizeof *container->legacy, compare_keys);
}

/* Only the pickle says what type a storage has; several tensors may refer to one. */
static int list_legacy_storages(struct torch_container *container, struct valence_error *error)
{
    const struct pickle_value *persistents = pickle_persistents(container->pickle);
    int64_t n = persistents->as.items.n, kept = 0;
    container->legacy = allocate(n, sizeof *container->legacy);
    if (!container->legacy)
        return fail_memory(error, (size_t)n * sizeof *container->legacy, "the list of storages");
    struct legacy_storage *storages = container->legacy;
    for (int64_t i = 0; i < n; i++) {
        struct storage_reference reference;
        int status = get_reference(container, persistents->as.items.values[i], &reference, error);
        if (status)
            return status;
        storages[i] = (struct legacy_storage){.key = reference.key, .type = reference.type};
    }
    qsort(storages, (size_t)n, sizeof *storages, compare_keys);
    for (int64_t i = 0; i < n; i++) {
        if (kept && compare_keys(storages + kept - 1, storages + i) == 0) {
            if (storages[kept - 1].type != storages[i].type)
                return bad(container, "a storage has two types", error);
        } else {
            storages[kept++] = storages[i];
        }
    }
    container->n_legacy = kept;
    return VALENCE_OK;
}

/* Where each storage's elements are, *at standing behind the list of keys. */
static int place_legacy_storages(struct torch_container *container, const struct pickle_value *keys,
                                 uint64_t at, uint64_t end, struct valence_error *error)
{
    if (keys->type != PICKLE_LIST)
        return bad(container, "the list of storages is missing", error);
    for (int64_t i = 0; i < keys->as.items.n; i++) {
        const struct pickle_value *key = keys->as.items.values[i];
        struct legacy_storage *storage =
            key->type == PICKLE_TEXT ? find_legacy(container, key) : NULL;
        if (!storage || storage->position)
            return bad(container, "the list of storages does not fit the tensors", error);
        int64_t count;
        size_t bytes;
        if (end - at < sizeof count)
            return bad(container, "the file is cut off before the end of its tensors", error);
        int status = byte_source_read(container->source, at, &count, sizeof count, error);
        if (status)
            return status;
        at += sizeof count;
        if (container->is_swapped)
            count = (int64_t)__builtin_bswap64((uint64_t)count);
        if (!size_multiply(count, (int64_t)element_type_size(storage->type), &bytes) ||
            bytes > end - at)
            return bad(container, "the file is cut off before the end of its tensors", error);
        storage->count = count;
        storage->position = at;
        at += bytes;
    }
    return VALENCE_OK;
}

/* The next of the pickles in a row. */
static int next_pickle(const struct torch_container *container, uint64_t *at, uint64_t end,
                       struct pickle **pickle, struct valence_error *error)
{
    const struct pickle_options options = {.keep_unknown = true};
    return pickle_read_source(container->source, *at, end - *at, &options, pickle, at, error);
}

/* The magic number, the version, and whether the machine was little-endian. */
static int read_legacy_preamble(struct torch_container *container, uint64_t *at, uint64_t end,
                                struct valence_error *error)
{
    static const unsigned char magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                            0x20, 0x6a, 0xa8, 0x50, 0x19};
    struct pickle *pickles[3] = {NULL};
    int status = VALENCE_OK;
    for (int i = 0; i < 3 && !status; i++) {
        status = next_pickle(container, at, end, &pickles[i], error);
        const struct pickle_value *value = status ? NULL : pickle_root(pickles[i]);
        if (!value)
            continue;
        const struct pickle_value *order = pickle_get(value, "little_endian");
        if (i == 0 && (value->type != PICKLE_BIG_INT || value->as.bytes.size != sizeof magic ||
                       memcmp(value->as.bytes.data, magic, sizeof magic) != 0))
            status = bad(container, "a pickle, but not of torch.save", error);
        else if (i == 1 && (value->type != PICKLE_INT || value->as.integer != LEGACY_VERSION))
            status = bad(container, "an unknown version of the older torch.save layout", error);
        else if (i == 2)
            container->is_swapped = order && order->type == PICKLE_BOOL && !order->as.integer;
    }
    for (int i = 0; i < 3; i++)
        pickle_free(pickles[i]);
    return status;
}

static int open_legacy(struct torch_container *container, uint64_t at, uint64_t end,
                       struct valence_error *error)
{
    struct pickle *keys = NULL;
    int status = read_legacy_preamble(container, &at, end, error);
    if (!status)
        status = next_pickle(container, &at, end, &container->pickle, error);
    if (!status)
        status = list_legacy_storages(container, error);
    if (!status)
        status = next_pickle(container, &at, end, &keys, error);
    if (!status)
        status = place_legacy_storages(container, pickle_root(keys), at, end, error);
    pickle_free(keys);
    return status;
}

static int find_in_legacy(const struct torch_container *container,
                          const struct storage_reference *reference, struct torch_storage *storage,
                          struct valence_error *error)
{
    const struct legacy_storage *found = find_legacy(container, reference->key);
    if (!found || !found->position)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: the storage '%.200s' is not in the file",
                    container->name, reference->key->as.bytes.data);
    storage->member = -1;
    storage->position = found->position;
    storage->count = found->count;
    return VALENCE_OK;
}

/* ---- Both ---- */

int torch_container_open(const struct byte_source *source, uint64_t start, uint64_t size,
                         struct torch_container **container, struct valence_error *error)
{
    unsigned char first[4] = {0};
    *container = NULL;
    int status =
        byte_source_read(source, start, first, size < sizeof first ? (size_t)size : 4, error);
    if (status)
        return status;
    struct torch_container *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, source->name);
    opened->name = source->name;
    opened->source = source;
    if (start == 0 && memcmp(first, "PK\x03\x04", 4) == 0)
        status = open_zip(opened, error);
    else if (memcmp(first, "\x80\x02", 2) == 0)
        status = open_legacy(opened, start, start + size, error);
    else if (start == 0)
        status = byte_source_refuse(source, "a file of torch.save", error);
    else
        status = bad(opened, "a tensor's storage that torch did not write", error);
    if (status)
        torch_container_close(opened);
    else
        *container = opened;
    return status;
}

void torch_container_close(struct torch_container *container)
{
    if (!container)
        return;
    pickle_free(container->pickle);
    archive_close(container->archive);
    free(container->folder);
    free(container->pickle_bytes);
    free(container->legacy);
    free(container);
}

const struct pickle *torch_container_pickle(const struct torch_container *container)
{
    return container->pickle;
}

bool torch_container_is_swapped(const struct torch_container *container)
{
    return container->is_swapped;
}

int torch_container_find(const struct torch_container *container,
                         const struct pickle_value *persistent, struct torch_storage *storage,
                         struct valence_error *error)
{
    struct storage_reference reference;
    int status = get_reference(container, persistent, &reference, error);
    if (status)
        return status;
    *storage = (struct torch_storage){.type = reference.type};
    status = container->archive ? find_in_zip(container, &reference, storage, error)
                                : find_in_legacy(container, &reference, storage, error);
    if (!status && storage->count < reference.count)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: the storage '%.200s' has %lld elements of the %lld it should have (is the "
                    "file cut off?)",
                    container->name, reference.key->as.bytes.data, (long long)storage->count,
                    (long long)reference.count);
    return status;
}

struct archive *torch_container_archive(const struct torch_container *container)
{
    return container->archive;
}
