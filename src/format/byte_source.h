/* Where the readers of foreign formats get their bytes: a file or memory.
 *
 * A file is read by pread(), never through a map: whoever cuts it meanwhile causes an error here,
 * not a SIGBUS. Standard input ("-") and pipes that a shell made (/dev/fd/63) are read to their end
 * first, see spool.h; a pipe with a name of its own, a device or a folder is refused at once. */
#ifndef VALENCE_FORMAT_BYTE_SOURCE_H
#define VALENCE_FORMAT_BYTE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

struct byte_source {
    char *name;                 /* for errors */
    int file;                   /* -1 where `bytes` are the caller's */
    const unsigned char *bytes; /* NULL for a file */
    uint64_t size;
};

/* The file at `path`, which must be a regular one. VALENCE_ERROR_NOT_FOUND where there is no such
 * file. Close it, after an error too (then it is harmless). */
int byte_source_open(const char *path, struct byte_source *source, struct valence_error *error);

/* Memory, which must outlive the source. */
int byte_source_open_memory(const void *data, size_t size, const char *name,
                            struct byte_source *source, struct valence_error *error);
void byte_source_close(struct byte_source *source);

/* Exactly `bytes` bytes from `position`; VALENCE_ERROR_FORMAT where the source ends before. For
 * several threads at once. */
int byte_source_read(const struct byte_source *source, uint64_t position, void *out, size_t bytes,
                     struct valence_error *error);

/* What the first bytes show the source to be, where that is something that is often found under
 * the name of another format: "a gzip file (unpack it with gunzip)", "a web page", ...; NULL: none
 * of those. For errors of readers that do not know what they see. */
const char *byte_source_kind(const struct byte_source *source);

/* VALENCE_ERROR_FORMAT: "NAME: not EXPECTED", or, where the kind is known, "NAME: KIND, not
 * EXPECTED". */
int byte_source_refuse(const struct byte_source *source, const char *expected,
                       struct valence_error *error);

#endif
