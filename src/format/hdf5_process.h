/* Inside the HDF5 reader: the child process that calls libhdf5, and how the two sides talk. */
#ifndef VALENCE_FORMAT_HDF5_PROCESS_H
#define VALENCE_FORMAT_HDF5_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/byte_source.h"
#include "format/hdf5.h"

/* Requests: an hdf5_request, then the names of its path, each with its NUL. */
enum hdf5_operation { HDF5_LIST = 1, HDF5_READ };

struct hdf5_request {
    uint32_t operation;
    int32_t depth;
    uint64_t maximum;
    uint64_t name_bytes;
};

/* Answers: an hdf5_answer, then `bytes` bytes: the error's text, the names or texts each with its
 * NUL, or the elements. The first answer, without a request, is that of opening. */
struct hdf5_answer {
    int32_t status;
    int32_t is_text;
    int32_t type;
    int32_t n_dims;
    int64_t shape[ARRAY_MAX_DIMS];
    int64_t n; /* names, texts or elements */
    uint64_t bytes;
};

/* Forks the child. *process and *socket are for hdf5_process_end(). */
int hdf5_process_begin(const struct byte_source *source, long *process, int *socket,
                       struct valence_error *error);
void hdf5_process_end(long process, int socket);

#endif
