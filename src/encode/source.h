/* The weights of a foreign checkpoint, by name, whatever its container: safetensors, a file of
 * torch.save, or CTranslate2's model.bin. Every tensor is accounted for: what is missing, misshapen
 * or left over is collected and reported together. */
#ifndef VALENCE_ENCODE_SOURCE_H
#define VALENCE_ENCODE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"
#include "base/text.h"
#include "format/safetensors.h"
#include "format/pickle/torch_file.h"
#include "format/ct2.h"
#include "format/tfjs.h"

struct source {
    const char *path; /* the caller's */
    struct safetensors *safetensors;
    struct torch_file *torch;
    struct tfjs *tfjs;
    struct ct2 *ct2; /* exactly one of the four */
    int64_t n;
    const char **names; /* (n) below the prefix; NULL for tensors outside it */
    bool *used;         /* (n) */
    struct text missing, misshapen;
    /* of the file; of several, of names and values of their tensors, by name */
    char fingerprint[SHA256_TEXT_BYTES];
};

/* Opens by content. Of the `n_prefixes` prefixes the first that some tensor has is taken off all
 * names, and tensors without it are left aside ("" fits all). *source is cleared on failure. */
int source_open(struct source *source, const char *path, const char *const *prefixes,
                int n_prefixes, struct valence_error *error);

/* The same for TensorFlow.js manifests: FOLDER/STEM-weights_manifest.json of each stem
 * (format/tfjs.h). */
int source_open_tfjs(struct source *source, const char *folder, const char *const *stems,
                     int n_stems, struct valence_error *error);
void source_close(struct source *source);

/* What was saved beside the tensors, in a file of torch.save; else NULL. */
const struct pickle_value *source_root(const struct source *source);

bool source_has(const struct source *source, const char *name);

/* The tensor's values in row-major order to `values`; NULL only checks. A tensor that is missing or
 * whose shape is not `shape` is noted and gives zeros. Errors: those of reading it. */
int source_take(struct source *source, const char *name, int n_dims, const int64_t *shape,
                float *values, struct valence_error *error);

/* The size of a tensor's dimension (from 0), 0 where either is missing. */
int64_t source_size(const struct source *source, const char *name, int dimension);

/* Tensors that the encoder has no use for, by a shell pattern. */
void source_ignore(struct source *source, const char *pattern);

/* Leaves tensors aside that fit none of `n_kept` shell patterns: heads of other tasks. */
void source_keep(struct source *source, const char *const *kept, int n_kept);

/* The names of the tensors left aside, separated by ", "; cut where they do not fit. */
void source_left_aside(const struct source *source, char *names, size_t bytes);

/* ERROR_SHAPE, with the list, where anything is missing, misshapen or left over. */
int source_check(struct source *source, struct valence_error *error);

#endif
