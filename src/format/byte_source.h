/* Where the readers of foreign formats get their bytes: a file or memory.
 *
 * A file is read by pread(), never through a map, so cutting it while it is read gives an error and
 * not a SIGBUS. Standard input ("-") and a shell's pipes (/dev/fd/63) are first read to their end
 * (spool.h). A named pipe, a device and a folder are refused at once. */
#ifndef VALENCE_FORMAT_BYTE_SOURCE_H
#define VALENCE_FORMAT_BYTE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "valence/error.h"

struct byte_source {
    char *name;                 /* for errors */
    int file;                   /* -1 for memory */
    const unsigned char *bytes; /* the caller's; NULL for a file */
    uint64_t size;
};

/* Opens a regular file; VALENCE_ERROR_NOT_FOUND if it does not exist. You may close a source that
 * could not be opened. */
int byte_source_open(const char *path, struct byte_source *source, struct valence_error *error);

/* Memory, which must outlive the source. */
int byte_source_open_memory(const void *data, size_t size, const char *name,
                            struct byte_source *source, struct valence_error *error);
void byte_source_close(struct byte_source *source);

/* Reads exactly `bytes` bytes from `position`; VALENCE_ERROR_FORMAT if the source ends before.
 * Thread-safe. */
int byte_source_read(const struct byte_source *source, uint64_t position, void *out, size_t bytes,
                     struct valence_error *error);

/* Adds `bytes` bytes from `position` to a digest. */
int byte_source_add_to_digest(const struct byte_source *source, uint64_t position, uint64_t bytes,
                              struct sha256 *digest, struct valence_error *error);

/* The SHA-256 of all bytes from `position` on. */
int byte_source_digest(const struct byte_source *source, uint64_t position,
                       char text[SHA256_TEXT_BYTES], struct valence_error *error);

/* Names what is often found under the name of another format, by its first bytes: "a gzip file
 * (unpack it with gunzip)", "a web page", ...; NULL for anything else. Readers use it in their
 * errors. */
const char *byte_source_kind(const struct byte_source *source);

#define BYTE_SOURCE_PICKLE "a pickle" /* as byte_source_kind() names one */

/* Whether its first bytes are ASCII text. */
bool byte_source_is_text(const struct byte_source *source);

/* VALENCE_ERROR_FORMAT: "NAME: not EXPECTED", or "NAME: KIND, not EXPECTED" if the kind is known;
 * for readers of binary formats a text is a kind, too. */
int byte_source_refuse(const struct byte_source *source, const char *expected,
                       struct valence_error *error);

#endif
