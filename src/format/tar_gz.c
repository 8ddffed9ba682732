#include "format/tar_gz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/fail.h"
#include "base/file.h"

#define BLOCK_BYTES  512
#define NAME_BYTES   4096        /* longer names match nothing */
#define RECORD_BYTES (64 * 1024) /* of pax records and long names */

/* Where a header keeps its fields. */
enum { NAME = 0, SIZE = 124, CHECKSUM = 148, TYPE = 156, MAGIC = 257, PREFIX = 345 };

struct tar_gz {
    struct file_map map; /* of an archive in a file */
    char *path;
    z_stream stream;
    bool is_begun; /* the stream */
    uint64_t size, left;
};

static int damaged(const struct tar_gz *tar, const char *what, struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT, "%s: is damaged or no gzipped tar archive: %s",
                tar->path, what);
}

/* ---- Bytes ---- */

static int inflate_bytes(struct tar_gz *tar, void *out, size_t bytes, struct valence_error *error)
{
    unsigned char *to = out;
    while (bytes > 0) {
        uInt piece = bytes < 1 << 30 ? (uInt)bytes : 1 << 30;
        tar->stream.next_out = to;
        tar->stream.avail_out = piece;
        int code = inflate(&tar->stream, Z_SYNC_FLUSH);
        size_t got = piece - tar->stream.avail_out;
        if (got == 0)
            return damaged(tar,
                           code == Z_OK || code == Z_BUF_ERROR || code == Z_STREAM_END
                               ? "it ends too early"
                               : "it cannot be inflated",
                           error);
        to += got;
        bytes -= got;
    }
    return VALENCE_OK;
}

static int skip_bytes(struct tar_gz *tar, uint64_t bytes, struct valence_error *error)
{
    unsigned char rest[16 * BLOCK_BYTES];
    int status = VALENCE_OK;
    while (bytes > 0 && !status) {
        size_t piece = bytes < sizeof rest ? (size_t)bytes : sizeof rest;
        status = inflate_bytes(tar, rest, piece, error);
        bytes -= piece;
    }
    return status;
}

/* Up to the next block. */
static uint64_t padding_of(uint64_t size)
{
    return (BLOCK_BYTES - size % BLOCK_BYTES) % BLOCK_BYTES;
}

/* ---- Headers ---- */

/* An octal number of `width` digits, blanks and NULs around it; false for anything else. */
static bool read_octal(const unsigned char *field, int width, uint64_t *number)
{
    int i = 0;
    *number = 0;
    while (i < width && field[i] == ' ')
        i++;
    for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
        *number = *number * 8 + (uint64_t)(field[i] - '0');
    return i == width || field[i] == ' ' || field[i] == '\0';
}

static bool checksum_fits(const unsigned char *header)
{
    uint64_t wanted, sum = 0;
    for (int i = 0; i < BLOCK_BYTES; i++)
        sum += i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : header[i];
    return read_octal(header + CHECKSUM, 8, &wanted) && sum == wanted;
}

static void header_name(const unsigned char *header, char name[NAME_BYTES])
{
    bool has_prefix = memcmp(header + MAGIC, "ustar", 6) == 0 && header[PREFIX] != '\0';
    snprintf(name, NAME_BYTES, "%.*s%s%.*s", has_prefix ? 155 : 0, (const char *)header + PREFIX,
             has_prefix ? "/" : "", 100, (const char *)header + NAME);
}

/* The path among pax records, each "LENGTH KEY=VALUE\n"; `name` stays if there is none. */
static void pax_name(const char *records, size_t bytes, char name[NAME_BYTES])
{
    const char *at = records, *end = records + bytes;
    while (at < end) {
        char *key;
        unsigned long length = strtoul(at, &key, 10);
        if (*key != ' ' || length > (size_t)(end - at) || length < (size_t)(key - at) + 2)
            return;
        const char *newline = at + length - 1;
        if (newline - key >= 6 && strncmp(key + 1, "path=", 5) == 0)
            snprintf(name, NAME_BYTES, "%.*s", (int)(newline - key - 6), key + 6);
        at += length;
    }
}

/* Reads what a header of type x (pax) or L (GNU) holds for the next member: its name. */
static int read_long_name(struct tar_gz *tar, unsigned char type, uint64_t size,
                          char name[NAME_BYTES], struct valence_error *error)
{
    if (size > RECORD_BYTES)
        return damaged(tar, "a header is too long", error);
    char *records = calloc((size_t)size + 1, 1); /* and a NUL behind them */
    if (!records)
        return fail_memory(error, (size_t)size + 1, "a header");
    int status = inflate_bytes(tar, records, (size_t)size, error);
    if (!status && type == 'x')
        pax_name(records, (size_t)size, name);
    else if (!status)
        snprintf(name, NAME_BYTES, "%s", records);
    free(records);
    return status ? status : skip_bytes(tar, padding_of(size), error);
}

static bool is_zero(const unsigned char *header)
{
    for (int i = 0; i < BLOCK_BYTES; i++)
        if (header[i])
            return false;
    return true;
}

static int find_member(struct tar_gz *tar, const char *member, struct valence_error *error)
{
    unsigned char header[BLOCK_BYTES];
    char name[NAME_BYTES], next[NAME_BYTES] = "";
    for (;;) {
        int status = inflate_bytes(tar, header, sizeof header, error);
        if (status)
            return status;
        if (is_zero(header))
            return fail(error, VALENCE_ERROR_FORMAT, "%s: holds no %s", tar->path, member);
        if (!checksum_fits(header))
            return damaged(tar, "a header's checksum is wrong", error);
        if (!read_octal(header + SIZE, 12, &tar->size))
            return damaged(tar, "a size is not octal", error);
        unsigned char type = header[TYPE];
        if (type == 'x' || type == 'L') {
            status = read_long_name(tar, type, tar->size, next, error);
            if (status)
                return status;
            continue;
        }
        header_name(header, name);
        bool is_it = strcmp(next[0] ? next : name, member) == 0;
        if (is_it && (type == '0' || type == '\0'))
            return VALENCE_OK;
        next[0] = '\0';
        status = skip_bytes(tar, tar->size + padding_of(tar->size), error);
        if (status)
            return status;
    }
}

/* ---- Archives ---- */

static int begin(struct tar_gz *tar, const void *data, size_t size, const char *member,
                 struct valence_error *error)
{
    if (size > UINT32_MAX)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: archives beyond 4 GiB are not read",
                    tar->path);
    if (inflateInit2(&tar->stream, 16 + MAX_WBITS) != Z_OK)
        return fail_memory(error, 1 << 16, "reading an archive");
    tar->is_begun = true;
    tar->stream.next_in = (unsigned char *)(uintptr_t)data;
    tar->stream.avail_in = (uInt)size;
    int status = find_member(tar, member, error);
    tar->left = tar->size;
    return status;
}

static int create(const char *path, struct tar_gz **tar, struct valence_error *error)
{
    *tar = calloc(1, sizeof **tar);
    if (*tar && ((*tar)->path = strdup(path)))
        return VALENCE_OK;
    tar_gz_close(*tar);
    *tar = NULL;
    return fail_memory(error, sizeof **tar, "reading an archive");
}

int tar_gz_open_memory(const void *data, size_t size, const char *path, const char *member,
                       struct tar_gz **tar, struct valence_error *error)
{
    int status = create(path, tar, error);
    if (status)
        return status;
    status = begin(*tar, data, size, member, error);
    if (status) {
        tar_gz_close(*tar);
        *tar = NULL;
    }
    return status;
}

int tar_gz_open(const char *path, const char *member, struct tar_gz **tar,
                struct valence_error *error)
{
    int status = create(path, tar, error);
    if (status)
        return status;
    status = file_map_open(&(*tar)->map, path, error);
    if (!status)
        status = begin(*tar, (*tar)->map.data, (*tar)->map.size, member, error);
    if (status) {
        tar_gz_close(*tar);
        *tar = NULL;
    }
    return status;
}

void tar_gz_close(struct tar_gz *tar)
{
    if (!tar)
        return;
    if (tar->is_begun)
        inflateEnd(&tar->stream);
    file_map_close(&tar->map);
    free(tar->path);
    free(tar);
}

uint64_t tar_gz_size(const struct tar_gz *tar)
{
    return tar->size;
}

int tar_gz_read(struct tar_gz *tar, void *out, size_t bytes, struct valence_error *error)
{
    if (bytes > tar->left)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: the member has no more bytes", tar->path);
    tar->left -= bytes;
    return inflate_bytes(tar, out, bytes, error);
}
