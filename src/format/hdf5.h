/* HDF5 files for reading, through libhdf5: the groups, arrays of numbers and texts that .csd files
 * are made of (csd.h).
 *
 * libhdf5 was not made for files of strangers: a tree that leads back to itself overflows its
 * stack, and no application can keep it from that. So it reads in a child process, forked for each
 * open file, and what kills the child (a crash, 3 GiB more of memory, half a minute of computing
 * for one request) is an error here. The child prints nothing, and libhdf5 in the calling process
 * is never touched. Nothing leads out of the file either: plug-ins are off, soft and external
 * links, external and virtual data are refused by name, and so are filters other than deflate,
 * shuffle and Fletcher-32. Sizes are checked before memory is taken for them.
 *
 * One thread at a time for each file. Source: HDF5 library, reference manual for 1.10. */
#ifndef VALENCE_FORMAT_HDF5_H
#define VALENCE_FORMAT_HDF5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/elements.h"
#include "valence/error.h"

struct hdf5;

/* *file is NULL on error. The second reads the memory as it is at the call; `name` stands for the
 * file in errors. */
int hdf5_open(const char *path, struct hdf5 **file, struct valence_error *error);
int hdf5_open_memory(const void *data, size_t size, const char *name, struct hdf5 **file,
                     struct valence_error *error);
void hdf5_close(struct hdf5 *file);

const char *hdf5_name(const struct hdf5 *file);

/* A place in the file: the names of the links that lead there from the root group. */
#define HDF5_MAX_DEPTH 8
struct hdf5_path {
    int depth;
    const char *names[HDF5_MAX_DEPTH];
};

/* ---- Groups ---- */

struct hdf5_names {
    int64_t n, capacity;
    char **names; /* in the order of their bytes */
};

/* Lists the names in a group. Free with hdf5_names_free(), after an error too.
 * VALENCE_ERROR_NOT_FOUND if there is nothing at that place, VALENCE_ERROR_FORMAT if it is no
 * group, VALENCE_ERROR_UNSUPPORTED for a link that leads elsewhere. */
int hdf5_list(struct hdf5 *file, const struct hdf5_path *path, struct hdf5_names *names,
              struct valence_error *error);
void hdf5_names_free(struct hdf5_names *names);

/* ---- Datasets ---- */

struct hdf5_dataset {
    bool is_text;
    enum element_type type; /* of numbers; in this machine's byte order */
    int n_dims;
    int64_t shape[ARRAY_MAX_DIMS];
    int64_t count;
    void *data;   /* numbers: count elements, row-major */
    char **texts; /* texts: count of them, as UTF-8 */
};

/* Reads all of a dataset of up to `maximum` bytes (VALENCE_ERROR_LIMIT beyond); what was never
 * written has the dataset's fill value, as in every other reader. Free with hdf5_dataset_free(),
 * after an error too. VALENCE_ERROR_FORMAT if it is damaged (a wrong Fletcher-32 checksum). */
int hdf5_read(struct hdf5 *file, const struct hdf5_path *path, size_t maximum,
              struct hdf5_dataset *dataset, struct valence_error *error);
void hdf5_dataset_free(struct hdf5_dataset *dataset);

#endif
