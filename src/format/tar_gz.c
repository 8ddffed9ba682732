#include "format/tar_gz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/byte_source.h"

#define BLOCK_BYTES  512
#define NAME_BYTES   4096        /* longer names match nothing */
#define RECORD_BYTES (64 * 1024) /* of pax records and long names */

/* Where a header keeps its fields. */
enum { NAME = 0, SIZE = 124, CHECKSUM = 148, TYPE = 156, MAGIC = 257, PREFIX = 345 };

struct tar_gz {
    struct byte_source source;
    uint64_t position; /* of what is inflated next but for `input` */
    z_stream stream;
    bool is_begun; /* the stream */
    unsigned char input[32 * 1024];
    uint64_t size, left;
};

static int damaged(const struct tar_gz *tar, const char *what, struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT, "%s: is damaged or no gzipped tar archive: %s",
                tar->source.name, what);
}

/* ---- Bytes ---- */

/* The next piece of the archive; none at its end. */
static int fill_input(struct tar_gz *tar, struct valence_error *error)
{
    uint64_t left = tar->source.size - tar->position;
    size_t n = left < sizeof tar->input ? (size_t)left : sizeof tar->input;
    int status = byte_source_read(&tar->source, tar->position, tar->input, n, error);
    tar->stream.next_in = tar->input;
    tar->stream.avail_in = status ? 0 : (uInt)n;
    tar->position += n;
    return status;
}

static int inflate_bytes(struct tar_gz *tar, void *out, size_t bytes, struct valence_error *error)
{
    unsigned char *to = out;
    while (bytes > 0) {
        uInt piece = bytes < 1 << 30 ? (uInt)bytes : 1 << 30;
        int status = tar->stream.avail_in ? VALENCE_OK : fill_input(tar, error);
        if (status)
            return status;
        tar->stream.next_out = to;
        tar->stream.avail_out = piece;
        int code = inflate(&tar->stream, Z_SYNC_FLUSH);
        size_t got = piece - tar->stream.avail_out;
        if (got == 0 && (code != Z_OK || tar->stream.avail_in > 0))
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
            return fail(error, VALENCE_ERROR_FORMAT, "%s: holds no %s", tar->source.name, member);
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

/* Takes over the source, also on failure. */
static int open_source(const struct byte_source *source, const char *member, struct tar_gz **tar,
                       struct valence_error *error)
{
    struct tar_gz *made = allocate(1, sizeof *made);
    if (!made) {
        struct byte_source taken = *source;
        byte_source_close(&taken);
        return fail_memory(error, sizeof *made, "reading an archive");
    }
    made->source = *source;
    made->is_begun = inflateInit2(&made->stream, 16 + MAX_WBITS) == Z_OK;
    int status = made->is_begun ? find_member(made, member, error)
                                : fail_memory(error, 1 << 16, "reading an archive");
    made->left = made->size;
    if (status)
        tar_gz_close(made);
    else
        *tar = made;
    return status;
}

int tar_gz_open_memory(const void *data, size_t size, const char *path, const char *member,
                       struct tar_gz **tar, struct valence_error *error)
{
    struct byte_source source;
    *tar = NULL;
    int status = byte_source_open_memory(data, size, path, &source, error);
    return status ? status : open_source(&source, member, tar, error);
}

int tar_gz_open(const char *path, const char *member, struct tar_gz **tar,
                struct valence_error *error)
{
    struct byte_source source;
    *tar = NULL;
    int status = byte_source_open(path, &source, error);
    return status ? status : open_source(&source, member, tar, error);
}

void tar_gz_close(struct tar_gz *tar)
{
    if (!tar)
        return;
    if (tar->is_begun)
        inflateEnd(&tar->stream);
    byte_source_close(&tar->source);
    free(tar);
}

uint64_t tar_gz_size(const struct tar_gz *tar)
{
    return tar->size;
}

int tar_gz_read(struct tar_gz *tar, void *out, size_t bytes, struct valence_error *error)
{
    if (bytes > tar->left)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: the member has no more bytes",
                    tar->source.name);
    tar->left -= bytes;
    return inflate_bytes(tar, out, bytes, error);
}
