/* An encoder's weights: a GGUF file, checked, and its tensors on the device that computes.
 *
 * Header and tensors are read by pread, so that a file that is cut meanwhile gives an error. One
 * file is mapped, so that loading costs nothing and processes share the pages: a file that valence
 * made and whose digest was verified. Nobody writes into such a file: conversion and 'models fetch'
 * put a new one in its place by renaming, which leaves the old one whole for those who map it. */
#ifndef VALENCE_ENCODE_COMPUTE_WEIGHTS_H
#define VALENCE_ENCODE_COMPUTE_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include <ggml-backend.h>
#include <ggml.h>
#include <gguf.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/byte_source.h"
#include "valence/error.h"

struct weights {
    const char *path; /* the caller's, for errors */
    struct byte_source source;
    bool is_verified; /* made by valence, and as it was written: it may be mapped */
    /* The tensors' bytes once they are loaded: in one of the two below. */
    const unsigned char *data;
    struct file_map map;
    struct arena copy;
    struct gguf_context *gguf;
    struct ggml_context *context; /* the tensors */
    ggml_backend_buffer_t buffer;
    bool owns_extra; /* what tensors have at `extra` is from malloc() and freed with them */
    struct valence_error problem; /* the first of a getter below; status 0 while all is well */
};

/* Opens the file and reads its header. *weights is cleared on failure. Errors: IO, FORMAT,
 * UNSUPPORTED. */
int weights_open(struct weights *weights, const char *path, struct valence_error *error);
void weights_close(struct weights *weights);

/* ---- Header values and tensors ---- */

/* Getters keep the first problem in weights->problem and give a harmless value, so that a loader
 * reads everything and checks once with weights_check(). */

/* An integer within [minimum, maximum]. */
int64_t weights_int(struct weights *weights, const char *key, int64_t minimum, int64_t maximum);
double weights_float(struct weights *weights, const char *key);
bool weights_bool(struct weights *weights, const char *key);
const char *weights_text(struct weights *weights, const char *key); /* "" where it is missing */

/* `n` integers within [minimum, maximum] of an array of exactly that length. */
void weights_ints(struct weights *weights, const char *key, int n, int64_t minimum, int64_t maximum,
                  int64_t *values);

/* The tensor of that name with these sizes (ggml's order, the fastest first; 0 ends them). Where
 * `f32` it must not be of another type: what ggml's and our own element-wise operations read. NULL
 * on a problem. */
struct ggml_tensor *weights_tensor(struct weights *weights, bool f32, int64_t ne0, int64_t ne1,
                                   int64_t ne2, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* `bytes` of a tensor's bytes from the file, beginning with its byte `first`. Errors: those of
 * reading. */
int weights_read(const struct weights *weights, const struct ggml_tensor *tensor, size_t first,
                 void *out, size_t bytes, struct valence_error *error);

/* Makes all tensors' bytes readable in memory, once: mapped or copied, as above. Errors: those of
 * reading; MEMORY. */
int weights_load(struct weights *weights, struct valence_error *error);

/* The tensor's bytes, after weights_load(): for values that are needed on the host. */
const void *weights_data(const struct weights *weights, const struct ggml_tensor *tensor);

int weights_check(const struct weights *weights, struct valence_error *error);

/* The SHA-256 of what follows the header, in files that valence converted. */
#define WEIGHTS_DIGEST_KEY "valence.data_sha256"

/* ERROR_FORMAT where the file has such a digest and its data another: a byte was changed. A file
 * that was compared before is not hashed again (models/verified_files.h). */
int weights_check_digest(struct weights *weights, const char *memory, struct valence_error *error);

/* ---- Placing ---- */

/* Gives every tensor its memory on the device: where it was loaded on a CPU, a copy elsewhere. */
int weights_place(struct weights *weights, ggml_backend_dev_t device, struct valence_error *error);

/* Gives the map's pages back, where everything that is often needed was copied from it. */
void weights_release_pages(const struct weights *weights);

/* True where ggml_mul_mat() is a faster product with this tensor on a CPU than widening its rows to
 * floats and an sgemm: ggml has tiled integer products for the k-quants. */
bool weights_prefer_ggml(const struct ggml_tensor *tensor);

#endif
