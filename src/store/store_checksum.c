#include "store/store_checksum.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/fail.h"

#define SMALL_BYTES 16384 /* read at once with their checksums; and a buffer on the stack */
#define GROUP       256   /* checksums read together */

void checksum_encode(uint32_t checksum, void *bytes)
{
    unsigned char *at = bytes;
    for (int i = 0; i < CHECKSUM_BYTES; i++)
        at[i] = (unsigned char)(checksum >> 8 * i);
}

uint32_t checksum_decode(const void *bytes)
{
    const unsigned char *at = bytes;
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint32_t text_checksum(const char *database, const void *key, size_t key_size, const void *text,
                       size_t size)
{
    uint32_t crc = crc32c(0, database, strlen(database) + 1);
    return crc32c(crc32c(crc, key, key_size), text, size);
}

size_t rows_checksums_bytes(size_t bytes)
{
    return (bytes + CHECKSUM_BLOCK_BYTES - 1) / CHECKSUM_BLOCK_BYTES * CHECKSUM_BYTES;
}

uint32_t stream_seed(const char *stream_name)
{
    return crc32c(0, stream_name, strlen(stream_name) + 1);
}

/* The checksum of a block before its first byte. */
static uint32_t block_begin(const struct rows_key *key, uint64_t block)
{
    unsigned char bytes[16];
    checksum_encode(key->clip, bytes);
    checksum_encode((uint32_t)block, bytes + 4);
    checksum_encode((uint32_t)key->bytes, bytes + 8);
    checksum_encode((uint32_t)(key->bytes >> 32), bytes + 12);
    return crc32c(key->stream, bytes, sizeof bytes);
}

static uint64_t block_end(const struct rows_key *key, uint64_t block)
{
    uint64_t end = (block + 1) * CHECKSUM_BLOCK_BYTES;
    return end < key->bytes ? end : key->bytes;
}

void rows_checksums_write(const struct rows_key *key, unsigned char *value)
{
    unsigned char *sums = value + key->bytes;
    for (uint64_t begin = 0, block = 0; begin < key->bytes; begin = block_end(key, block++)) {
        uint32_t crc =
            crc32c(block_begin(key, block), value + begin, (size_t)(block_end(key, block) - begin));
        checksum_encode(crc, sums + block * CHECKSUM_BYTES);
    }
}

static int fail_checksum(const struct lmdb_file *file, uint64_t offset, struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT,
                "the bytes at %llu differ from their checksum: the file is damaged (restore a copy "
                "of %s, or import again)",
                (unsigned long long)offset, file->path);
}

/* Continues a checksum over bytes begin ... end - 1 of the value, which the caller did not ask
 * for. */
static int add_unwanted(const struct lmdb_file *file, uint64_t offset, uint64_t begin, uint64_t end,
                        uint32_t *crc, struct valence_error *error)
{
    unsigned char buffer[SMALL_BYTES];
    int status = VALENCE_OK;
    while (begin < end && !status) {
        size_t n = end - begin < sizeof buffer ? (size_t)(end - begin) : sizeof buffer;
        status = lmdb_read(file, offset + begin, buffer, n, error);
        *crc = crc32c(*crc, buffer, n);
        begin += n;
    }
    return status;
}

/* A short value comes as a whole, checksum included. */
static int read_small(const struct lmdb_file *file, uint64_t offset, const struct rows_key *key,
                      uint64_t start, void *bytes, size_t size, struct valence_error *error)
{
    unsigned char value[SMALL_BYTES + CHECKSUM_BYTES];
    size_t all = (size_t)key->bytes;
    int status = lmdb_read(file, offset, value, all + CHECKSUM_BYTES, error);
    if (status)
        return status;
    if (crc32c(block_begin(key, 0), value, all) != checksum_decode(value + all))
        return fail_checksum(file, offset, error);
    memcpy(bytes, value + start, size);
    return VALENCE_OK;
}

/* What is wanted, and where it was read to. */
struct part {
    const struct lmdb_file *file;
    uint64_t offset;
    const struct rows_key *key;
    uint64_t start, end;
    const unsigned char *bytes;
};

static int check_block(const struct part *part, uint64_t block, uint32_t expected,
                       struct valence_error *error)
{
    uint64_t begin = block * CHECKSUM_BLOCK_BYTES, end = block_end(part->key, block);
    uint64_t from = begin > part->start ? begin : part->start;
    uint64_t to = end < part->end ? end : part->end;
    uint32_t crc = block_begin(part->key, block);
    int status = add_unwanted(part->file, part->offset, begin, from, &crc, error);
    crc = crc32c(crc, part->bytes + (from - part->start), (size_t)(to - from));
    if (!status)
        status = add_unwanted(part->file, part->offset, to, end, &crc, error);
    if (!status && crc != expected)
        status = fail_checksum(part->file, part->offset + begin, error);
    return status;
}

int rows_read_checked(const struct lmdb_file *file, uint64_t offset, const struct rows_key *key,
                      uint64_t start, void *bytes, size_t size, struct valence_error *error)
{
    if (size == 0)
        return VALENCE_OK;
    if (key->bytes <= SMALL_BYTES)
        return read_small(file, offset, key, start, bytes, size, error);
    struct part part = {file, offset, key, start, start + size, bytes};
    int status = lmdb_read(file, offset + start, bytes, size, error);
    uint64_t last = (part.end - 1) / CHECKSUM_BLOCK_BYTES;
    for (uint64_t block = start / CHECKSUM_BLOCK_BYTES; block <= last && !status;) {
        unsigned char sums[GROUP * CHECKSUM_BYTES];
        uint64_t n = last - block + 1 < GROUP ? last - block + 1 : GROUP;
        status = lmdb_read(file, offset + key->bytes + block * CHECKSUM_BYTES, sums,
                           (size_t)n * CHECKSUM_BYTES, error);
        for (uint64_t i = 0; i < n && !status; i++, block++)
            status = check_block(&part, block, checksum_decode(sums + i * CHECKSUM_BYTES), error);
    }
    return status;
}
