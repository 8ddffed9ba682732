/* Gzipped tar archives, as npm's packages are, for reading: one member by its name, as a stream.
 *
 * POSIX ustar with pax records and GNU's long names; other members than regular files are passed
 * over. Nothing is unpacked but what you read. */
#ifndef VALENCE_FORMAT_TAR_GZ_H
#define VALENCE_FORMAT_TAR_GZ_H

#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

struct tar_gz; /* an archive, placed at a member; for one thread */

/* Opens the archive and goes to the first regular file called `member`. *tar is NULL on failure.
 * Errors: NOT_FOUND and IO for the file; FORMAT for one that is not such an archive, is damaged or
 * cut off before the member, or holds no such member; MEMORY. */
int tar_gz_open(const char *path, const char *member, struct tar_gz **tar,
                struct valence_error *error);

/* The same from memory, which must outlive *tar; `path` stands for the file in errors. */
int tar_gz_open_memory(const void *data, size_t size, const char *path, const char *member,
                       struct tar_gz **tar, struct valence_error *error);
void tar_gz_close(struct tar_gz *tar); /* takes NULL */

uint64_t tar_gz_size(const struct tar_gz *tar); /* of the member */

/* The member's next `bytes` bytes. ERROR_FORMAT if the archive is damaged or ends before;
 * ERROR_ARGUMENT beyond the member's end. */
int tar_gz_read(struct tar_gz *tar, void *out, size_t bytes, struct valence_error *error);

#endif
