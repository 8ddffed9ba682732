/* Zip archives for reading (npz, torch.save): members by name, read whole or as a stream, never
 * beyond a limit. */
#ifndef VALENCE_FORMAT_ARCHIVE_H
#define VALENCE_FORMAT_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/byte_source.h"

struct archive; /* not for several threads at once */

/* *archive is NULL on error; duplicate member names are an error. */
int archive_open(const char *path, struct archive **archive, struct valence_error *error);

/* The same from memory, which must outlive *archive; `name` stands for the file in errors. */
int archive_open_memory(const void *data, size_t size, const char *name, struct archive **archive,
                        struct valence_error *error);
void archive_close(struct archive *archive); /* its members must be closed before */

const char *archive_file_name(const struct archive *archive);
int64_t archive_n_members(const struct archive *archive);
const char *archive_member_name(const struct archive *archive, int64_t index);
int64_t archive_find(const struct archive *archive, const char *name); /* -1: no such member */

/* The whole member in fresh memory (free() it), its checksum verified; VALENCE_ERROR_LIMIT beyond
 * `maximum` bytes. */
int archive_read(struct archive *archive, int64_t index, size_t maximum, void **data, size_t *size,
                 struct valence_error *error);

/* A member as a stream. Encrypted and exotically compressed ones are VALENCE_ERROR_UNSUPPORTED; a
 * size that the compressed bytes cannot yield is VALENCE_ERROR_FORMAT. */
struct archive_member;

int archive_member_open(struct archive *archive, int64_t index, struct archive_member **member,
                        struct valence_error *error);
void archive_member_close(struct archive_member *member);
uint64_t archive_member_size(const struct archive_member *member);
bool archive_member_is_stored(const struct archive_member *member); /* rather than compressed */

/* Reads the whole member once and compares its checksum (CRC-32), where that was not done before:
 * for whoever is going to read parts of it, which libzip does not check. */
int archive_member_verify(struct archive_member *member, struct valence_error *error);

/* Exactly `bytes` bytes from `position`: at once where the member is stored, else by decompressing
 * up to there (from the start again where `position` lies before what was read last). */
int archive_member_read(struct archive_member *member, uint64_t position, void *out, size_t bytes,
                        struct valence_error *error);

#endif
