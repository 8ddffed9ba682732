/* HDF5 files for reading: the groups and arrays of numbers that .csd files are made of (csd.h).
 *
 * Understood are superblocks 0 to 3, object headers 1 and 2, groups as symbol tables or compact
 * links, and datasets of IEEE floats and whole numbers in one piece or in chunks, deflated,
 * shuffled or with checksums: what h5py writes by default. Everything else is refused by name: soft
 * and external links, external and virtual data, other filters (there are no plug-ins), dense
 * groups, committed types. No byte is trusted: every place and size is checked against the file,
 * which is all that a claim can cost.
 *
 * Why not libhdf5: it is a large library whose reader was not made for files of strangers.
 * Source: HDF5 File Format Specification, versions 2.0 and 3.0. */
#ifndef VALENCE_FORMAT_HDF5_H
#define VALENCE_FORMAT_HDF5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/elements.h"
#include "valence/error.h"

struct hdf5;

/* Maps the file. *file is NULL on error. The second reads memory, which must outlive it; `name`
 * stands for the file in errors. */
int hdf5_open(const char *path, struct hdf5 **file, struct valence_error *error);
int hdf5_open_memory(const void *data, size_t size, const char *name, struct hdf5 **file,
                     struct valence_error *error);
void hdf5_close(struct hdf5 *file);

const char *hdf5_name(const struct hdf5 *file);

/* The address of the root group; objects are known by their addresses. */
uint64_t hdf5_root(const struct hdf5 *file);

/* Says that a part of the file is done with: now and then its pages are let go of. */
void hdf5_was_read(struct hdf5 *file, size_t bytes);

/* ---- Groups ---- */

struct hdf5_link {
    char *name;
    uint64_t address;
};

struct hdf5_group {
    int64_t n, capacity;
    struct hdf5_link *links; /* in the order of the bytes of their names, which are distinct */
};

/* Lists a group. Free with hdf5_group_free(), after an error too. ERROR_FORMAT where it is no
 * group, ERROR_UNSUPPORTED for a link that leads elsewhere. */
int hdf5_group_read(const struct hdf5 *file, uint64_t address, struct hdf5_group *group,
                    struct valence_error *error);
void hdf5_group_free(struct hdf5_group *group);

/* NULL: there is none of that name. */
const struct hdf5_link *hdf5_group_find(const struct hdf5_group *group, const char *name);

/* ---- Datasets ---- */

struct hdf5_dataset {
    enum element_type type;
    bool swapped; /* elements are in the other byte order than this machine's */
    int n_dims;
    int64_t shape[ARRAY_MAX_DIMS];
    int64_t count;
    void *data; /* count elements, row-major */
};

/* Reads all of a dataset of up to `maximum` bytes (ERROR_LIMIT beyond). Free with
 * hdf5_dataset_free(), after an error too. */
int hdf5_dataset_read(const struct hdf5 *file, uint64_t address, size_t maximum,
                      struct hdf5_dataset *dataset, struct valence_error *error);
void hdf5_dataset_free(struct hdf5_dataset *dataset);

#endif
