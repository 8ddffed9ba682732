/* Writing an encoder's GGUF file from a foreign checkpoint: a list of recipes says what each tensor
 * is made of. */
#ifndef VALENCE_ENCODE_RECIPES_H
#define VALENCE_ENCODE_RECIPES_H

#include <stdbool.h>
#include <stdint.h>

#include <ggml.h>
#include <gguf.h>

#include "encode/source.h"
#include "valence/convert.h"

#define RECIPE_NAME_BYTES 128

/* How one tensor of the GGUF is made. */
struct recipe {
    char name[GGML_MAX_NAME];
    int64_t sizes[3]; /* in ggml's order; trailing ones 1 */
    bool matrix;      /* stored in the type asked for where its rows divide into blocks; else f32 */
    bool halved;      /* matrix that only f32 and f16 suit: f16 for all types but f32 */

    /* Makes the values, sizes[0] * sizes[1] * sizes[2]; with `values` NULL it only takes its
     * sources to check them. `work` has room for as many floats as the largest tensor of the list,
     * twice. */
    int (*make)(const struct recipe *recipe, struct source *source, float *values, float *work,
                struct valence_error *error);
    char from[3][RECIPE_NAME_BYTES]; /* source names, as `make` understands them */
    int64_t numbers[4];              /* likewise */
};

struct recipes {
    int64_t n, capacity;
    struct recipe *list;
};

/* Appends one; NULL where memory is short (recipes->n is then -1, and stays so). */
struct recipe *recipes_add(struct recipes *recipes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void recipes_free(struct recipes *recipes);

/* `make` for tensors stored as they are: from[0], of shape numbers[0 ...] (0 ends it). */
int recipe_copy(const struct recipe *recipe, struct source *source, float *values, float *work,
                struct valence_error *error);

/* Appends a copy of source tensor FROMENDING with shape (a), (a, b) or (a, b, c) as NAMEENDING. */
void recipes_add_copy(struct recipes *recipes, const char *name, const char *from,
                      const char *ending, bool matrix, int64_t a, int64_t b, int64_t c);

/* Checks all recipes against the source, then writes header and tensors. `header` holds the
 * encoder's own keys; the general ones (source, fingerprint, licence, type) are added. */
int convert_write(const char *path, struct gguf_context *header, const struct recipes *recipes,
                  struct source *source, const struct valence_convert_options *options,
                  const struct valence_progress *progress, struct valence_error *error);

#endif
