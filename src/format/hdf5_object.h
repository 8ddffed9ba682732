/* Inside the HDF5 reader: places in the file, and the messages of an object's header. */
#ifndef VALENCE_FORMAT_HDF5_OBJECT_H
#define VALENCE_FORMAT_HDF5_OBJECT_H

#include "format/hdf5.h"

#define HDF5_UNDEFINED UINT64_MAX /* an address that says: nothing is stored */

/* Messages' types. */
enum {
    HDF5_DATASPACE = 0x01,
    HDF5_LINK_INFO = 0x02,
    HDF5_DATATYPE = 0x03,
    HDF5_LINK = 0x06,
    HDF5_EXTERNAL_FILES = 0x07,
    HDF5_LAYOUT = 0x08,
    HDF5_FILTERS = 0x0B,
    HDF5_CONTINUATION = 0x10,
    HDF5_SYMBOL_TABLE = 0x11
};

/* `bytes` bytes at `address`, or NULL with an error naming `what` where they are not in the
 * file. */
const unsigned char *hdf5_at(const struct hdf5 *file, uint64_t address, uint64_t bytes,
                             const char *what, struct valence_error *error);

size_t hdf5_size(const struct hdf5 *file);

/* ERROR_FORMAT: "FILE: byte ADDRESS: what". */
int hdf5_malformed(const struct hdf5 *file, uint64_t address, const char *what,
                   struct valence_error *error);
int hdf5_unsupported(const struct hdf5 *file, uint64_t address, const char *what,
                     struct valence_error *error);

/* Some bytes to be taken one after the other; after too much was asked for `cut` stays set and
 * zeros come. */
struct hdf5_bytes {
    const unsigned char *data;
    size_t left;
    bool cut;
};

uint64_t hdf5_take(struct hdf5_bytes *bytes, size_t n); /* a little-endian number of n <= 8 bytes */
const unsigned char *hdf5_skip(struct hdf5_bytes *bytes, uint64_t n); /* where they are, or NULL */

struct hdf5_message {
    int type;
    struct hdf5_bytes body;
};

/* Calls `visit` with each message of the object at `address` but for continuations, which it
 * follows; stops at the first status that is not VALENCE_OK and gives it back. */
int hdf5_messages(const struct hdf5 *file, uint64_t address,
                  int (*visit)(void *user, struct hdf5_message *message,
                               struct valence_error *error),
                  void *user, struct valence_error *error);

#endif
