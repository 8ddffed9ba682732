/* Inside the reader of torch.save's files: what both layouts have in common, a pickle and the
 * storages it refers to.
 *
 *   zip:   FOLDER/data.pkl, FOLDER/data/KEY (the bytes of a storage), FOLDER/byteorder
 *   older: pickles of a magic number, of the version 1001, of facts about the machine, of what was
 * saved and of the list of keys; then for each key an i64 of elements, and the elements */
#ifndef VALENCE_FORMAT_PICKLE_TORCH_CONTAINER_H
#define VALENCE_FORMAT_PICKLE_TORCH_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/archive.h"
#include "format/elements.h"
#include "format/pickle/pickle.h"
#include "valence/error.h"

struct torch_container;

/* What one range of a source holds: a whole file, or the bytes within a pickle that torch made of a
 * storage. `source` must outlive *container. */
int torch_container_open(const struct byte_source *source, uint64_t start, uint64_t size,
                         struct torch_container **container, struct valence_error *error);
void torch_container_close(struct torch_container *container);

const struct pickle *torch_container_pickle(const struct torch_container *container);
bool torch_container_is_swapped(const struct torch_container *container);

/* Understands a PERSISTENT ("storage", class, key, location, number of elements): its element type,
 * how many elements it truly has, and where they are. */
struct torch_storage {
    enum element_type type;
    int64_t count;
    int64_t member;    /* of the archive; -1 in the older layout */
    uint64_t position; /* in the source, in the older layout */
};
int torch_container_find(const struct torch_container *container,
                         const struct pickle_value *persistent, struct torch_storage *storage,
                         struct valence_error *error);

/* The archive of the zip layout; NULL in the older one. */
struct archive *torch_container_archive(const struct torch_container *container);

#endif
