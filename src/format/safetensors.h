/* safetensors: a JSON header of names, types, shapes and offsets, then the bytes of the tensors.
 *
 *   1. u64, little-endian: length of the header
 *   2. the header, JSON: {"__metadata__": {"key": "text", ...}, "name": {"dtype": "F32", "shape":
 * [2, 3], "data_offsets": [0, 24]}, ...}, padded with blanks
 *   3. the data; offsets count from its start, tensors follow each other without holes or overlaps
 * to the end of file
 *
 * Source: https://github.com/huggingface/safetensors (README, "Format"). */
#ifndef VALENCE_FORMAT_SAFETENSORS_H
#define VALENCE_FORMAT_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "format/elements.h"
#include "format/npy.h"
#include "valence/error.h"

#define SAFETENSORS_MAX_HEADER_BYTES 100000000 /* the reference implementation's limit */

/* ---- Reading ---- */

/* A tensor within the file: row-major, little-endian. */
struct safetensor {
    const char *name;
    enum element_type type;
    int n_dims; /* 0: a scalar */
    int64_t shape[ARRAY_MAX_DIMS];
    int64_t count; /* elements */
    size_t bytes;
    const struct byte_source *source; /* where they are */
    uint64_t position;
};

struct safetensors; /* tensors, names and metadata live until it is closed */

/* Opens and checks the file: VALENCE_ERROR_FORMAT for anything that is not exactly the format
 * above, VALENCE_ERROR_UNSUPPORTED for an unknown dtype or more than ARRAY_MAX_DIMS dimensions.
 * *file is NULL on error. A path that ends in ".index.json" is a model in several files (Hugging
 * Face's model.safetensors.index.json): its 'weight_map' says which file beside it holds which
 * tensor, and all of them are opened as one. */
int safetensors_open(const char *path, struct safetensors **file, struct valence_error *error);

/* The same from memory, which must outlive *file; `name` stands for the file in errors. */
int safetensors_open_memory(const void *data, size_t size, const char *name,
                            struct safetensors **file, struct valence_error *error);
void safetensors_close(struct safetensors *file);

/* The tensors in the order of their data. */
int64_t safetensors_n_tensors(const struct safetensors *file);
const struct safetensor *safetensors_tensor(const struct safetensors *file, int64_t index);

/* The tensor of that name, or NULL. */
const struct safetensor *safetensors_find(const struct safetensors *file, const char *name);

/* A text of the metadata, or NULL. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);

/* tensor->bytes bytes as they are. */
int safetensor_read(const struct safetensor *tensor, void *out, struct valence_error *error);

/* Adds the tensor's bytes to a digest. */
int safetensor_add_to_digest(const struct safetensor *tensor, struct sha256 *digest,
                             struct valence_error *error);

/* tensor->count values to `out`, whatever the tensor's type. */
int safetensor_to_float(const struct safetensor *tensor, float *out, struct valence_error *error);

/* As above for counts and indices; VALENCE_ERROR_DATA if an element is not a whole number in
 * range. */
int safetensor_to_int64(const struct safetensor *tensor, int64_t *out, struct valence_error *error);

/* The tensor as an array that is read in parts; close it with npy_close() before the file. */
int safetensor_open_array(const struct safetensor *tensor, struct npy **array,
                          struct valence_error *error);

/* ---- Writing ---- */

/* Streams a file: first every tensor and text is declared, then the data is written in that order,
 * in pieces of any size. What a written file depends on is only what was declared and written (no
 * clock, no hash order). */
struct safetensors_writer;

int safetensors_write_begin(const char *path, unsigned flags, struct safetensors_writer **writer,
                            struct valence_error *error);

/* Before the first data only. VALENCE_ERROR_EXISTS for a name or key declared twice;
 * VALENCE_ERROR_ARGUMENT for one that is not UTF-8; VALENCE_ERROR_SHAPE if the sizes
 * overflow. */
int safetensors_declare(struct safetensors_writer *writer, const char *name, enum element_type type,
                        int n_dims, const int64_t *shape, struct valence_error *error);
int safetensors_describe(struct safetensors_writer *writer, const char *key, const char *text,
                         struct valence_error *error);

/* The next bytes of the data, little-endian. */
int safetensors_write(struct safetensors_writer *writer, const void *data, size_t bytes,
                      struct valence_error *error);

/* Exactly one of the two must follow a successful begin; both free the writer. Commit fails with
 * VALENCE_ERROR_ARGUMENT if less data was written than declared. */
int safetensors_write_commit(struct safetensors_writer *writer, struct valence_error *error);
void safetensors_write_abort(struct safetensors_writer *writer);

#endif
