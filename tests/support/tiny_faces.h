/* A GGUF file of face networks with random weights: it finds boxes somewhere, the same ones in the
 * same picture. */
#ifndef VALENCE_TESTS_TINY_FACES_H
#define VALENCE_TESTS_TINY_FACES_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <ggml.h>
#include <gguf.h>

#include "base/random.h"
#include "encode/faces/face_networks.h"

struct tiny_faces {
    struct ggml_context *context;
    struct gguf_context *gguf;
    struct random_source source;
};

static inline int tiny_faces_tensor(void *user, const char *name, int64_t rows, int64_t columns,
                                    const float **tensor, struct face_conv *conv)
{
    (void)conv;
    struct tiny_faces *faces = user;
    struct ggml_tensor *made =
        rows == 1 ? ggml_new_tensor_1d(faces->context, GGML_TYPE_F32, columns)
                  : ggml_new_tensor_2d(faces->context, GGML_TYPE_F32, columns, rows);
    float *values = ggml_get_data_f32(made);
    double scale = rows == 1 ? 0.1 : 1 / sqrt((double)rows);
    for (int64_t i = 0; i < rows * columns; i++)
        values[i] = (float)(scale * random_normal(&faces->source));
    ggml_set_name(made, name);
    gguf_add_tensor(faces->gguf, made);
    *tensor = values;
    return 0;
}

/* With a digest of the weights in the file; NULL: with none. */
static inline void tiny_faces_write(const char *path, const char *digest)
{
    struct face_networks networks = {0};
    struct tiny_faces faces = {
        .context = ggml_init((struct ggml_init_params){.mem_size = (size_t)64 << 20}),
        .gguf = gguf_init_empty(),
        .source = random_source(5, 0)};
    gguf_set_val_str(faces.gguf, "general.architecture", "faces");
    gguf_set_val_str(faces.gguf, "valence.source_sha256", "tiny");
    if (digest)
        gguf_set_val_str(faces.gguf, WEIGHTS_DIGEST_KEY, digest);
    face_networks_each(&networks, tiny_faces_tensor, &faces);
    if (!gguf_write_to_file(faces.gguf, path, false)) {
        fprintf(stderr, "cannot write %s\n", path);
        abort();
    }
    gguf_free(faces.gguf);
    ggml_free(faces.context);
}

static inline void tiny_faces_make(const char *path)
{
    tiny_faces_write(path, NULL);
}

#endif
