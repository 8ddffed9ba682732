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

#include "format/elements.h"
#include "format/pickle/pickle.h"
#include "valence/error.h"

struct torch_container;

/* `data` must outlive *container, `name` too. */
int torch_container_open(const void *data, size_t size, const char *name,
                         struct torch_container **container, struct valence_error *error);
void torch_container_close(struct torch_container *container);

const struct pickle *torch_container_pickle(const struct torch_container *container);
bool torch_container_is_swapped(const struct torch_container *container);

/* Understands a PERSISTENT ("storage", class, key, location, number of elements): its element type,
 * its index and how many elements it truly has. */
struct torch_storage {
    enum element_type type;
    int64_t index;
    int64_t count;
};
int torch_container_find(const struct torch_container *container,
                         const struct pickle_value *persistent, struct torch_storage *storage,
                         struct valence_error *error);

/* A storage's bytes, living until the next read. */
int torch_container_read(struct torch_container *container, int64_t index,
                         const unsigned char **bytes, struct valence_error *error);

#endif
