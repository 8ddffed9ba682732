/* TensorFlow.js weights: a manifest (JSON) that lists tensors, and the binary files that hold their
 * values one after the other, without header or padding. A tensor is float32, or uint8 codes q that
 * stand for q * scale + min.
 *
 *     [{"paths": ["NAME.bin"], "weights": [{"name": "conv0/bias", "shape": [16], "dtype":
 * "float32", "quantization": {"dtype": "uint8", "scale": 0.01, "min": -1.2}}, ...]}, ...]
 *
 * Binary files stand beside the manifest; a path with a folder in it is refused. Everything is read
 * into memory. */
#ifndef VALENCE_FORMAT_TFJS_H
#define VALENCE_FORMAT_TFJS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"
#include "valence/error.h"

#define TFJS_MAX_DIMS 6

struct tfjs;

struct tfjs_tensor {
    char *name;
    int n_dims;
    int64_t shape[TFJS_MAX_DIMS];
    int64_t count;
    const unsigned char *data; /* count codes of a byte where `quantised`, else of four bytes */
    bool quantised;
    double scale, min;
};

/* Reads FOLDER/STEM-weights_manifest.json of each of the `n_stems` stems; a tensor's name becomes
 * "STEM/NAME". *tfjs is NULL on failure. Errors: NOT_FOUND, IO; FORMAT, naming the manifest, for
 * anything that is not as above, and where the binary files hold more or fewer bytes than the
 * tensors; LIMIT beyond 64 MiB; MEMORY. */
int tfjs_open(const char *folder, const char *const *stems, int n_stems, struct tfjs **tfjs,
              struct valence_error *error);

/* Takes NULL, too. */
void tfjs_close(struct tfjs *tfjs);

/* One manifest and the bytes of its binary files, from memory: what tfjs_open() does with each.
 * `stem` may be "". */
int tfjs_parse(const char *manifest, size_t manifest_bytes, const unsigned char *data, size_t bytes,
               const char *stem, struct tfjs **tfjs, struct valence_error *error);

int64_t tfjs_n_tensors(const struct tfjs *tfjs);
const struct tfjs_tensor *tfjs_tensor(const struct tfjs *tfjs, int64_t index);

/* tensor->count values. Codes are decoded in double and rounded once, as tf.io.decodeWeights does.
 */
void tfjs_to_float(const struct tfjs_tensor *tensor, float *values);

/* SHA-256 of the binary files, one after the other. */
const char *tfjs_fingerprint(const struct tfjs *tfjs);

#endif
