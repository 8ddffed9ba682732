#include "format/hdf5_object.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"

#define SIGNATURE         "\x89HDF\r\n\x1a\n"
#define SIGNATURE_BYTES   8
#define MAX_CONTINUATIONS 256 /* of one header */
#define FLAG_SHARED       0x02

struct hdf5 {
    char *name;
    struct file_map map; /* empty where the bytes are the caller's */
    const unsigned char *data;
    size_t size;
    uint64_t root;
};

/* ---- Bytes ---- */

int hdf5_malformed(const struct hdf5 *file, uint64_t address, const char *what,
                   struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT, "%s: byte %llu: %s", file->name,
                (unsigned long long)address, what);
}

int hdf5_unsupported(const struct hdf5 *file, uint64_t address, const char *what,
                     struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: byte %llu: refused: %s", file->name,
                (unsigned long long)address, what);
}

const unsigned char *hdf5_at(const struct hdf5 *file, uint64_t address, uint64_t bytes,
                             const char *what, struct valence_error *error)
{
    if (address <= file->size && bytes <= file->size - address)
        return file->data + address;
    fail(error, VALENCE_ERROR_FORMAT,
         "%s: %s takes %llu bytes from byte %llu of %zu (is the file cut off?)", file->name, what,
         (unsigned long long)bytes, (unsigned long long)address, file->size);
    return NULL;
}

size_t hdf5_size(const struct hdf5 *file)
{
    return file->size;
}

const unsigned char *hdf5_skip(struct hdf5_bytes *bytes, uint64_t n)
{
    if (bytes->cut || n > bytes->left) {
        bytes->cut = true;
        return NULL;
    }
    const unsigned char *at = bytes->data;
    bytes->data += n;
    bytes->left -= (size_t)n;
    return at;
}

uint64_t hdf5_take(struct hdf5_bytes *bytes, size_t n)
{
    const unsigned char *at = hdf5_skip(bytes, n);
    uint64_t number = 0;
    for (size_t i = n; at && i > 0; i--)
        number = number << 8 | at[i - 1];
    return number;
}

/* ---- The file ---- */

/* Version 0 and 1 have the root group as a symbol table's entry, 2 and 3 as an address. */
static int read_superblock(struct hdf5 *file, struct valence_error *error)
{
    struct hdf5_bytes bytes = {.data = file->data, .left = file->size};
    const unsigned char *signature = hdf5_skip(&bytes, SIGNATURE_BYTES);
    if (!signature || memcmp(signature, SIGNATURE, SIGNATURE_BYTES) != 0)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: not an HDF5 file", file->name);
    int version = (int)hdf5_take(&bytes, 1);
    if (version > 3)
        return hdf5_unsupported(file, SIGNATURE_BYTES, "a superblock newer than version 3", error);
    hdf5_skip(&bytes, version < 2 ? 4 : 0);
    uint64_t address_bytes = hdf5_take(&bytes, 1), length_bytes = hdf5_take(&bytes, 1);
    hdf5_skip(&bytes, version == 0 ? 9 : version == 1 ? 13 : 1);
    uint64_t base = hdf5_take(&bytes, 8);
    hdf5_skip(&bytes, 8);
    uint64_t end = hdf5_take(&bytes, 8);
    hdf5_skip(&bytes, version < 2 ? 16 : 0);
    file->root = hdf5_take(&bytes, 8);
    if (bytes.cut)
        return hdf5_malformed(file, 0, "the superblock is cut off", error);
    if (address_bytes != 8 || length_bytes != 8 || base != 0)
        return hdf5_unsupported(file, SIGNATURE_BYTES, "addresses of other than 8 bytes from 0",
                                error);
    return end > file->size
               ? fail(error, VALENCE_ERROR_FORMAT, "%s: %zu bytes of %llu (is it cut off?)",
                      file->name, file->size, (unsigned long long)end)
               : VALENCE_OK;
}

/* Takes over the map. */
static int open_bytes(struct file_map map, const void *data, size_t size, const char *name,
                      struct hdf5 **opened, struct valence_error *error)
{
    struct hdf5 *file = calloc(1, sizeof *file);
    if (!file) {
        file_map_close(&map);
        return fail_memory(error, sizeof *file, name);
    }
    *file = (struct hdf5){.name = strdup(name), .map = map, .data = data, .size = size};
    int status =
        file->name ? read_superblock(file, error) : fail_memory(error, strlen(name), "a name");
    if (status)
        hdf5_close(file);
    else
        *opened = file;
    return status;
}

int hdf5_open(const char *path, struct hdf5 **file, struct valence_error *error)
{
    struct file_map map;
    *file = NULL;
    int status = file_map_open(&map, path, error);
    return status ? status : open_bytes(map, map.data, map.size, path, file, error);
}

int hdf5_open_memory(const void *data, size_t size, const char *name, struct hdf5 **file,
                     struct valence_error *error)
{
    *file = NULL;
    return open_bytes((struct file_map){0}, data, size, name, file, error);
}

void hdf5_close(struct hdf5 *file)
{
    if (!file)
        return;
    file_map_close(&file->map);
    free(file->name);
    free(file);
}

const char *hdf5_name(const struct hdf5 *file)
{
    return file->name;
}

uint64_t hdf5_root(const struct hdf5 *file)
{
    return file->root;
}

void hdf5_was_read(struct hdf5 *file, size_t bytes)
{
    file_map_was_read(&file->map, bytes);
}

/* ---- Headers ---- */

struct header {
    const struct hdf5 *file;
    uint64_t address;
    int version;
    bool has_order; /* version 2: messages carry when they were made */
    int n_continuations;
    struct {
        uint64_t address, size;
    } continuations[MAX_CONTINUATIONS];
};

static int add_continuation(struct header *header, struct hdf5_bytes *body,
                            struct valence_error *error)
{
    uint64_t address = hdf5_take(body, 8), size = hdf5_take(body, 8);
    if (body->cut)
        return hdf5_malformed(header->file, header->address, "a continuation is cut off", error);
    if (header->n_continuations == MAX_CONTINUATIONS)
        return hdf5_malformed(header->file, header->address,
                              "a header in too many pieces (does it contain itself?)", error);
    header->continuations[header->n_continuations].address = address;
    header->continuations[header->n_continuations++].size = size;
    return VALENCE_OK;
}

/* The messages of one piece of a header. */
static int read_piece(struct header *header, struct hdf5_bytes piece,
                      int (*visit)(void *, struct hdf5_message *, struct valence_error *),
                      void *user, struct valence_error *error)
{
    size_t head_bytes = header->version == 1 ? 8 : header->has_order ? 6 : 4;
    int status = VALENCE_OK;
    while (!status && piece.left >= head_bytes) {
        struct hdf5_message message;
        message.type = (int)hdf5_take(&piece, header->version == 1 ? 2 : 1);
        uint64_t size = hdf5_take(&piece, 2), flags = hdf5_take(&piece, 1);
        hdf5_skip(&piece, header->version == 1 ? 3 : header->has_order ? 2 : 0);
        message.body = (struct hdf5_bytes){.data = hdf5_skip(&piece, size), .left = (size_t)size};
        if (piece.cut)
            return hdf5_malformed(header->file, header->address, "a message is cut off", error);
        bool matters = message.type == HDF5_DATASPACE || message.type == HDF5_DATATYPE ||
                       message.type == HDF5_FILTERS;
        if ((flags & FLAG_SHARED) && matters)
            return hdf5_unsupported(header->file, header->address,
                                    "a type or shape kept elsewhere (a committed datatype)", error);
        status = message.type == HDF5_CONTINUATION ? add_continuation(header, &message.body, error)
                                                   : visit(user, &message, error);
    }
    return status;
}

/* The first piece's messages; the signature and times of version 2 are skipped. */
static int first_piece(struct header *header, struct hdf5_bytes *piece, struct valence_error *error)
{
    const unsigned char *start = hdf5_at(header->file, header->address, 16, "a header", error);
    if (!start)
        return VALENCE_ERROR_FORMAT;
    struct hdf5_bytes bytes = {.data = start,
                               .left = hdf5_size(header->file) - (size_t)header->address};
    uint64_t size;
    if (memcmp(start, "OHDR", 4) == 0) {
        hdf5_skip(&bytes, 4);
        header->version = (int)hdf5_take(&bytes, 1);
        unsigned flags = (unsigned)hdf5_take(&bytes, 1);
        header->has_order = flags & 0x04;
        hdf5_skip(&bytes, (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0));
        size = hdf5_take(&bytes, (size_t)1 << (flags & 3));
    } else {
        header->version = (int)hdf5_take(&bytes, 1);
        hdf5_skip(&bytes, 7);
        size = hdf5_take(&bytes, 4);
        hdf5_skip(&bytes, 4);
        if (header->version != 1)
            return hdf5_malformed(header->file, header->address, "there is no object's header",
                                  error);
    }
    if (header->version > 2 || header->version < 1)
        return hdf5_unsupported(header->file, header->address, "a newer object's header", error);
    *piece = (struct hdf5_bytes){.data = hdf5_skip(&bytes, size), .left = (size_t)size};
    return bytes.cut ? hdf5_malformed(header->file, header->address, "a header is cut off", error)
                     : VALENCE_OK;
}

/* A further piece; of version 2 between "OCHK" and a checksum. */
static int next_piece(const struct header *header, int i, struct hdf5_bytes *piece,
                      struct valence_error *error)
{
    uint64_t address = header->continuations[i].address, size = header->continuations[i].size;
    const unsigned char *start = hdf5_at(header->file, address, size, "a header's piece", error);
    if (!start)
        return VALENCE_ERROR_FORMAT;
    *piece = (struct hdf5_bytes){.data = start, .left = (size_t)size};
    if (header->version == 1)
        return VALENCE_OK;
    if (size < 8 || memcmp(start, "OCHK", 4) != 0)
        return hdf5_malformed(header->file, address, "there is no piece of a header", error);
    *piece = (struct hdf5_bytes){.data = start + 4, .left = (size_t)size - 8};
    return VALENCE_OK;
}

int hdf5_messages(const struct hdf5 *file, uint64_t address,
                  int (*visit)(void *user, struct hdf5_message *message,
                               struct valence_error *error),
                  void *user, struct valence_error *error)
{
    struct header header = {.file = file, .address = address};
    struct hdf5_bytes piece;
    int status = first_piece(&header, &piece, error);
    if (!status)
        status = read_piece(&header, piece, visit, user, error);
    for (int i = 0; i < header.n_continuations && !status; i++) {
        status = next_piece(&header, i, &piece, error);
        if (!status)
            status = read_piece(&header, piece, visit, user, error);
    }
    return status;
}
