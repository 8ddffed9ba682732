/* The checksums of a store (version 2): a CRC-32C of every value, written with it and checked when
 * it is read.
 *
 *   A record, or a value of "meta", is followed by one of its text, 4 bytes, little-endian.
 *   The rows of a clip are followed by one for each block of 64 KiB of them, so that a part of a
 *   long clip is checked without reading all of it.
 *
 * Each covers the value's key as well: a value that a damaged page gives to another key, or to
 * another stream, does not pass. Stores of version 1 have none. */
#ifndef VALENCE_STORE_CHECKSUM_H
#define VALENCE_STORE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "store/lmdb_tree.h"
#include "store/store_layout.h"

#define CHECKSUM_BYTES       4
#define CHECKSUM_BLOCK_BYTES 65536

/* Of a text of `size` bytes under `key` of a named database. */
uint32_t text_checksum(const char *database, const void *key, size_t key_size, const void *text,
                       size_t size);

void checksum_encode(uint32_t checksum, void *bytes);
uint32_t checksum_decode(const void *bytes);

/* Bytes of the checksums of `bytes` bytes of rows. */
size_t rows_checksums_bytes(size_t bytes);

/* Whose rows they are: every checksum of them depends on it. */
struct rows_key {
    uint32_t stream; /* of stream_seed() */
    uint32_t clip;   /* the ordinal */
    uint64_t bytes;  /* of all rows of the clip */
};

uint32_t stream_seed(const char *stream_name);

/* Writes the checksums of rows behind them: `value` has room for key->bytes and what
 * rows_checksums_bytes() says of them. */
void rows_checksums_write(const struct rows_key *key, unsigned char *value);

/* Reads `size` bytes of rows from byte `start` of the value at `offset` of the file, and checks
 * every block that they touch. ERROR_FORMAT if a checksum differs; the text says no more than
 * that. */
int rows_read_checked(const struct lmdb_file *file, uint64_t offset, const struct rows_key *key,
                      uint64_t start, void *bytes, size_t size, struct valence_error *error);

#endif
