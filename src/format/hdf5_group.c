/* Groups: a symbol table (a B-tree of nodes, with names in a heap), or links in the header. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/hdf5_object.h"

#define LEAST_LINK_BYTES                                                                           \
    12                      /* of a link in the file, so that a group has no more than fit in it   \
                             */
#define LEAST_NODE_BYTES 8  /* of a B-tree's node or a symbol table */
#define ENTRY_BYTES      40 /* of a symbol table */
#define SOFT_LINK        2  /* an entry's kind */
#define LINK_HARD        0
#define LINK_SOFT        1

struct listing {
    const struct hdf5 *file;
    struct hdf5_group *group;
    bool is_group;
    uint64_t address;
    uint64_t tree, heap_address; /* of a symbol table */
    size_t n_nodes;              /* of the B-tree, and its symbol tables */
    const unsigned char *heap;
    uint64_t heap_size;
};

static int add_link(struct listing *listing, const char *name, size_t length, uint64_t address,
                    struct valence_error *error)
{
    struct hdf5_group *group = listing->group;
    int64_t maximum = (int64_t)(hdf5_size(listing->file) / LEAST_LINK_BYTES);
    if (length == 0 || !is_utf8(name, length) || memchr(name, 0, length))
        return hdf5_malformed(listing->file, listing->address, "a link's name is no text", error);
    if (group->n >= maximum)
        return hdf5_malformed(listing->file, listing->address,
                              "more links than fit in the file (does it contain itself?)", error);
    void *links = group->links;
    int status = grow_array(&links, &group->capacity, group->n + 1, sizeof *group->links, maximum,
                            "links", error);
    group->links = links;
    if (status)
        return status;
    group->links[group->n] = (struct hdf5_link){strndup(name, length), address};
    return group->links[group->n++].name ? VALENCE_OK : fail_memory(error, length, "a name");
}

/* ---- Symbol tables ---- */

static int read_heap(struct listing *listing, struct valence_error *error)
{
    const unsigned char *start =
        hdf5_at(listing->file, listing->heap_address, 32, "a heap of names", error);
    if (!start)
        return VALENCE_ERROR_FORMAT;
    if (memcmp(start, "HEAP", 4) != 0)
        return hdf5_malformed(listing->file, listing->heap_address, "there is no heap of names",
                              error);
    struct hdf5_bytes bytes = {.data = start + 8, .left = 24};
    listing->heap_size = hdf5_take(&bytes, 8);
    hdf5_take(&bytes, 8);
    listing->heap =
        hdf5_at(listing->file, hdf5_take(&bytes, 8), listing->heap_size, "a heap of names", error);
    return listing->heap ? VALENCE_OK : VALENCE_ERROR_FORMAT;
}

static int read_entry(struct listing *listing, struct hdf5_bytes bytes, uint64_t place,
                      struct valence_error *error)
{
    uint64_t offset = hdf5_take(&bytes, 8), address = hdf5_take(&bytes, 8);
    uint64_t kind = hdf5_take(&bytes, 4);
    size_t room = offset < listing->heap_size ? (size_t)(listing->heap_size - offset) : 0;
    const char *name = (const char *)listing->heap + (room ? offset : 0);
    size_t length = strnlen(name, room);
    if (length == room)
        return hdf5_malformed(listing->file, place, "a link's name is not in the heap", error);
    if (kind == SOFT_LINK)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: byte %llu: refused: the soft link '%s'",
                    hdf5_name(listing->file), (unsigned long long)place, name);
    return add_link(listing, name, length, address, error);
}

/* A tree has no more nodes than fit in the file; one that names nodes twice, or itself, soon
 * has. */
static int count_node(struct listing *listing, uint64_t address, struct valence_error *error)
{
    return listing->n_nodes++ < hdf5_size(listing->file) / LEAST_NODE_BYTES
               ? VALENCE_OK
               : hdf5_malformed(listing->file, address, "a B-tree with a cycle", error);
}

static int read_symbols(struct listing *listing, uint64_t address, struct valence_error *error)
{
    if (count_node(listing, address, error))
        return VALENCE_ERROR_FORMAT;
    const unsigned char *start = hdf5_at(listing->file, address, 8, "a symbol table", error);
    if (!start)
        return VALENCE_ERROR_FORMAT;
    if (memcmp(start, "SNOD", 4) != 0)
        return hdf5_malformed(listing->file, address, "there is no symbol table", error);
    unsigned n = start[6] | (unsigned)start[7] << 8;
    if (!hdf5_at(listing->file, address + 8, (uint64_t)n * ENTRY_BYTES, "a symbol table", error))
        return VALENCE_ERROR_FORMAT;
    int status = VALENCE_OK;
    for (unsigned i = 0; i < n && !status; i++) {
        struct hdf5_bytes entry = {.data = start + 8 + (size_t)i * ENTRY_BYTES,
                                   .left = ENTRY_BYTES};
        status = read_entry(listing, entry, address + 8 + (uint64_t)i * ENTRY_BYTES, error);
    }
    return status;
}

/* Levels go down by one, so that the depth is what the root's level says: at most 255. */
static int read_tree(struct listing *listing, uint64_t address, int level,
                     struct valence_error *error)
{
    if (count_node(listing, address, error))
        return VALENCE_ERROR_FORMAT;
    const unsigned char *start = hdf5_at(listing->file, address, 24, "a B-tree", error);
    if (!start)
        return VALENCE_ERROR_FORMAT;
    if (memcmp(start, "TREE", 4) != 0 || start[4] != 0 || (level >= 0 && start[5] != level))
        return hdf5_malformed(listing->file, address,
                              "there is no node of a group's B-tree of that level (is it a cycle?)",
                              error);
    unsigned n = start[6] | (unsigned)start[7] << 8;
    struct hdf5_bytes bytes = {.left = (size_t)n * 16};
    bytes.data = hdf5_at(listing->file, address + 24, bytes.left, "a B-tree", error);
    if (!bytes.data)
        return VALENCE_ERROR_FORMAT;
    if (n == 0 && start[5] > 0)
        return hdf5_malformed(listing->file, address, "an empty node within a B-tree", error);
    int status = VALENCE_OK;
    for (unsigned i = 0; i < n && !status; i++) {
        hdf5_take(&bytes, 8);
        uint64_t child = hdf5_take(&bytes, 8);
        status = start[5] > 0 ? read_tree(listing, child, start[5] - 1, error)
                              : read_symbols(listing, child, error);
    }
    return status;
}

/* ---- Links in the header ---- */

static int read_link(struct listing *listing, struct hdf5_bytes *body, struct valence_error *error)
{
    uint64_t version = hdf5_take(body, 1);
    unsigned flags = (unsigned)hdf5_take(body, 1);
    uint64_t kind = flags & 0x08 ? hdf5_take(body, 1) : LINK_HARD;
    hdf5_skip(body, (flags & 0x04 ? 8 : 0) + (flags & 0x10 ? 1 : 0));
    uint64_t length = hdf5_take(body, (size_t)1 << (flags & 3));
    const char *name = (const char *)hdf5_skip(body, length);
    uint64_t address = kind == LINK_HARD ? hdf5_take(body, 8) : 0;
    if (body->cut || version != 1)
        return hdf5_malformed(listing->file, listing->address, "a link is malformed", error);
    if (kind != LINK_HARD)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: byte %llu: refused: the %s link '%.*s'",
                    hdf5_name(listing->file), (unsigned long long)listing->address,
                    kind == LINK_SOFT ? "soft" : "external", (int)(length < 80 ? length : 80),
                    name);
    return add_link(listing, name, (size_t)length, address, error);
}

static int read_link_info(const struct listing *listing, struct hdf5_bytes *body,
                          struct valence_error *error)
{
    hdf5_skip(body, 1);
    uint64_t flags = hdf5_take(body, 1);
    hdf5_skip(body, flags & 1 ? 8 : 0);
    if (hdf5_take(body, 8) == HDF5_UNDEFINED || body->cut)
        return VALENCE_OK;
    return hdf5_unsupported(listing->file, listing->address,
                            "a group with dense links (write the file without libver='latest' and "
                            "track_order, or pass it through h5repack --low=0 --high=0)",
                            error);
}

static int visit(void *user, struct hdf5_message *message, struct valence_error *error)
{
    struct listing *listing = user;
    switch (message->type) {
    case HDF5_SYMBOL_TABLE:
        listing->is_group = true;
        listing->tree = hdf5_take(&message->body, 8);
        listing->heap_address = hdf5_take(&message->body, 8);
        return message->body.cut ? hdf5_malformed(listing->file, listing->address,
                                                  "a symbol table is cut off", error)
                                 : VALENCE_OK;
    case HDF5_LINK_INFO:
        listing->is_group = true;
        return read_link_info(listing, &message->body, error);
    case HDF5_LINK:
        listing->is_group = true;
        return read_link(listing, &message->body, error);
    default:
        return VALENCE_OK;
    }
}

/* ---- Groups ---- */

static int compare_links(const void *a, const void *b)
{
    return strcmp(((const struct hdf5_link *)a)->name, ((const struct hdf5_link *)b)->name);
}

static int sort_links(const struct listing *listing, struct valence_error *error)
{
    struct hdf5_group *group = listing->group;
    if (group->n > 0)
        qsort(group->links, (size_t)group->n, sizeof *group->links, compare_links);
    for (int64_t i = 1; i < group->n; i++)
        if (strcmp(group->links[i - 1].name, group->links[i].name) == 0)
            return hdf5_malformed(listing->file, listing->address, "two links of one name", error);
    return VALENCE_OK;
}

int hdf5_group_read(const struct hdf5 *file, uint64_t address, struct hdf5_group *group,
                    struct valence_error *error)
{
    *group = (struct hdf5_group){0};
    struct listing listing = {
        .file = file, .group = group, .address = address, .tree = HDF5_UNDEFINED};
    int status = hdf5_messages(file, address, visit, &listing, error);
    if (!status && !listing.is_group)
        status = hdf5_malformed(file, address, "it is no group", error);
    if (!status && listing.tree != HDF5_UNDEFINED)
        status = read_heap(&listing, error);
    if (!status && listing.tree != HDF5_UNDEFINED)
        status = read_tree(&listing, listing.tree, -1, error);
    return status ? status : sort_links(&listing, error);
}

void hdf5_group_free(struct hdf5_group *group)
{
    for (int64_t i = 0; i < group->n; i++)
        free(group->links[i].name);
    free(group->links);
    *group = (struct hdf5_group){0};
}

const struct hdf5_link *hdf5_group_find(const struct hdf5_group *group, const char *name)
{
    struct hdf5_link wanted = {(char *)(uintptr_t)name, 0};
    return group->n > 0 ? bsearch(&wanted, group->links, (size_t)group->n, sizeof *group->links,
                                  compare_links)
                        : NULL;
}
