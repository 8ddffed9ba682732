/* Writing zip archives, stored and not compressed, as a stream: what NumPy's load() and
 * format/archive.h read. Every size is written in 64 bits. */
#ifndef VALENCE_FORMAT_ZIP_WRITE_H
#define VALENCE_FORMAT_ZIP_WRITE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "valence/error.h"

struct zip_entry {
    char *name;
    uint64_t start, bytes; /* where its header is, and of its data */
    uint32_t checksum;
};

struct zip_writer {
    FILE *stream; /* can be sought in; write errors stay in its flag */
    int64_t n, capacity;
    struct zip_entry *entries;
};

/* Begins an archive at the stream's place. Free with zip_writer_free(). */
void zip_writer_begin(struct zip_writer *writer, FILE *stream);

/* A member: begun, its data in pieces, ended. Names are UTF-8, of less than 64 KiB, and
 * distinct. */
int zip_member_begin(struct zip_writer *writer, const char *name, struct valence_error *error);
void zip_member_write(struct zip_writer *writer, const void *data, size_t bytes);
void zip_member_end(struct zip_writer *writer);

/* Writes the directory. */
void zip_writer_end(struct zip_writer *writer);
void zip_writer_free(struct zip_writer *writer);

#endif
