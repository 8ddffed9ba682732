/* Reading files, and paths; base/file_writer.h writes. */
#ifndef VALENCE_BASE_FILE_H
#define VALENCE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

/* A file mapped read-only. An empty file has data == NULL, size == 0. */
struct file_map {
    const unsigned char *data;
    size_t size;
};

int file_map_open(struct file_map *map, const char *path, struct valence_error *error);

/* The same of `size` bytes of an open file, which may be closed afterwards. */
int file_map_descriptor(struct file_map *map, int descriptor, size_t size, const char *path,
                        struct valence_error *error);
void file_map_close(struct file_map *map);

/* An open file for reading in parts, without a map: what is read once, in large pieces, costs less
 * so. */
int file_open(const char *path, int *descriptor, size_t *size, struct valence_error *error);

/* Exactly `bytes` bytes from `position`; ERROR_FORMAT if the file ends before. `path` is for
 * errors. */
int file_read_at(int descriptor, const char *path, uint64_t position, void *out, size_t bytes,
                 struct valence_error *error);

/* The whole file as a NUL-terminated text in *text (free() it), refused beyond `maximum` bytes;
 * *size may be NULL. */
int file_read_text(const char *path, size_t maximum, char **text, size_t *size,
                   struct valence_error *error);

/* Makes a folder and its missing parents; an existing one is fine. */
int make_folders(const char *path, struct valence_error *error);

/* "folder/name" in fresh memory (free() it), NULL if memory is short. */
char *path_join(const char *folder, const char *name);

/* The part of `path` after the last '/'. */
const char *path_name(const char *path);

/* The last part of a path that may end in slashes, "a" of "runs/a/", in fresh memory; NULL if
 * memory is short. */
char *path_last_part(const char *path);

bool path_exists(const char *path);
bool path_is_folder(const char *path);

/* True if both paths are there and lead to the same file or folder. */
bool paths_are_same(const char *a, const char *b);

/* True if `path` ends in `ending` (".npy"), whatever its case. */
bool path_has_ending(const char *path, const char *ending);

#endif
